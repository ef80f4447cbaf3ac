/**
 * Debian packages of any suite, fetched and verified by the host's apt with lists of its own.
 *
 * @module
 */
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chooseMirrors } from '../../plugins/bootstrap-debian/mirror.ts'
import { LabError, run } from './places.ts'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

export interface Archive {
  readonly suite: string
  /** Where lists and downloads lie. */
  readonly directory: string
  /** Address of the archive; the one of the host's own apt when not given. */
  readonly mirror?: string
}

function options({ directory }: Archive): string[] {
  const settings = {
    'Dir::Etc::SourceList': join(directory, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::State::Status': join(directory, 'status'),
    'Dir::Cache': join(directory, 'cache'),
    'APT::Sandbox::User': 'root',
    'APT::Architecture': 'amd64',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    // Old stable suites are no longer signed anew.
    'Acquire::Check-Valid-Until': 'false',
  }
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
}

/**
 * Reads the lists of the suite.
 *
 * @throws {LabError} when there are no packages to be had, with what apt said
 */
export async function update(archive: Archive): Promise<void> {
  const { suite, directory } = archive
  const mirror = archive.mirror ??
    chooseMirrors({ suite, mirror: undefined, security: 'none' }).main
  for (const name of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(directory, name), { recursive: true })
  }
  writeFileSync(
    join(directory, 'sources.list'),
    `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`,
  )
  writeFileSync(join(directory, 'status'), '')
  const what = `read the package lists of Debian ${suite}`
  // Without this apt-get calls a list that it could not fetch a warning.
  await run(what, ['apt-get', '-q', ...options(archive), '--error-on=any', 'update'])
}

/** The package that a meta-package stands for: the newest kernel, for `linux-image-amd64`. */
export async function dependency(archive: Archive, name: string): Promise<string> {
  const what = `find the package ${name} of Debian ${archive.suite}`
  const shown = await run(what, ['apt-cache', ...options(archive), 'show', name])
  const found = /^Depends: ([^ ,]+)/m.exec(shown)?.[1]
  if (found === undefined) throw new LabError(`Cannot ${what}: it depends on nothing`)
  return found
}

/** Downloads a package and unpacks its files into a directory. */
export async function unpack(archive: Archive, name: string, directory: string): Promise<void> {
  const what = `fetch the package ${name} of Debian ${archive.suite}`
  mkdirSync(directory, { recursive: true })
  await run(what, ['apt-get', '-q', ...options(archive), 'download', name], { cwd: directory })
  const [file] = globSync(join(directory, '*.deb'))
  if (file === undefined) throw new LabError(`Cannot ${what}: apt-get brought nothing`)
  await run(`unpack ${file}`, ['dpkg-deb', '-x', file, directory])
  await run(`remove ${file}`, ['rm', '-f', file])
}
