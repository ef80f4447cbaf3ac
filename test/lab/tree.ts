/**
 * The disk with the tree under test: sources, what they import, the built file and the compiled tools. A
 * virtio disk, since walking it takes a fifth of what it takes over 9p (1.6 and 8.0 s), which the cloud
 * flavour of the kernels does not have either; reading is as quick (2.3 and 2.1 s for 43 MB).
 *
 * @module
 */
import { globSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { debianTree } from '../support/debian.ts'
import { inRepository, vserverPath } from '../support/paths.ts'
import { everyTool } from '../system/tools.ts'
import { makeImage } from './image.ts'
import { inLab, run } from './places.ts'

const folders = ['core', 'plugins', 'build', 'test', 'package.json', 'tsconfig.json', '.deno.json']
/** With all that they import. */
const modules = ['uvu', 'dequal', 'diff', 'kleur', 'mri', 'sade', 'openpgp']
const built = ['executor', 'licences', 'test-tools', 'debian']

let ready: Promise<string> | undefined

/** Path of the image; made anew when something is newer. */
export function testTree(): Promise<string> {
  ready ??= make()
  return ready
}

async function make(): Promise<string> {
  await debianTree()
  for (const make of everyTool) make()
  const image = inLab('tree.ext4')
  const parts = [
    ...folders,
    ...modules.map((name) => join('node_modules', name)),
    ...built.map((name) => join('dist', name)),
  ]
  if (modifiedMs(image) > newestMs()) return image
  const staging = inLab(`tree-${process.pid}`)
  const fresh = `${image}.${process.pid}`
  try {
    mkdirSync(staging, { recursive: true })
    const copy = ['cp', '-al', '--parents', ...parts, staging]
    await run('collect the tree under test', copy, { cwd: inRepository() })
    await run('collect vserver', ['cp', '-al', vserverPath, join(staging, 'dist/vserver')])
    await makeImage(staging, { path: fresh, spare: 0 })
    renameSync(fresh, image)
  } finally {
    await run('remove a tree', ['rm', '-rf', '--one-file-system', staging, fresh])
  }
  return image
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** Sources and built files; `dist/debian` is never changed. */
function newestMs(): number {
  const sources = globSync('{core,plugins,build,test}/**', { cwd: inRepository() })
  const products = ['dist/executor', 'dist/test-tools/*', 'package.json']
    .flatMap((pattern) => globSync(pattern, { cwd: inRepository() }))
  const times = [...sources, ...products].map((path) => modifiedMs(inRepository(path)))
  return Math.max(modifiedMs(vserverPath), ...times)
}
