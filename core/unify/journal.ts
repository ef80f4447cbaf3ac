/**
 * What a run was about to change, so that the next one can put right what it left when it died: times of
 * directories. A link that was half-made needs nothing but its staging name removed.
 *
 * @module
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import type { ByteString } from '../host/tree/names.ts'
import { toBytes } from '../host/tree/names.ts'
import { timespecs } from '../host/tree/times.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { SessionLost } from '../plan/failure.ts'
import { planBuilder } from '../plan/builder.ts'
import { text } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import type { Place } from './table.ts'
import { joinTime } from './time.ts'

/** A directory, and when it was modified. */
export interface Restored {
  /** Absolute path of the tree. */
  readonly tree: string
  readonly directory: ByteString
  readonly mtimeSec: number
  readonly mtimeNsec: number
}

/** Where names are that are about to be replaced: each directory once. */
export function directoriesOf(places: Iterable<Place>): readonly Restored[] {
  return [...new Set(places)].map(({ tree, directory, mtimeSec, mtimeNsec }) => ({
    ...{ tree: tree.path, directory, mtimeSec, mtimeNsec },
  }))
}

/**
 * Does something that may leave directories with another time.
 *
 * @param path absolute; the file is there only while something is under way
 */
export async function withJournal(
  path: string,
  directories: readonly Restored[],
  deed: () => Promise<void>,
): Promise<void> {
  const staged = `${path}.new`
  const fd = openSync(staged, 'w', 0o600)
  try {
    writeSync(fd, JSON.stringify(directories))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(staged, path)
  try {
    await deed()
  } catch (error) {
    // An executor that lives has finished all that it had begun.
    if (!(error instanceof SessionLost)) rmSync(path)
    throw error
  }
  rmSync(path)
}

/**
 * Puts right what a run that died has left. Directories that are gone by now need nothing; a journal that says
 * nothing that can be read is put aside.
 */
export async function replayJournal(session: Session, path: string): Promise<void> {
  rmSync(`${path}.new`, { force: true })
  if (!existsSync(path)) return
  const directories = parseJournal(readFileSync(path, 'utf8'))
  if (directories === undefined) return renameSync(path, `${path}.damaged`)
  const builder = planBuilder()
  const p = builder.program('MAIN')
  directories.forEach(({ tree, directory, mtimeSec, mtimeNsec }, index) => {
    const place = Buffer.concat([
      Buffer.from(`${tree}/`),
      toBytes(directory === '' ? '.' : directory),
    ])
    const times = timespecs({ mtimeNs: joinTime({ mtimeSec, mtimeNsec }) })
    p.step(index, 'restore the time of a directory')
    p.call('utimensat', [k.AT_FDCWD, text(place), times, k.AT_SYMLINK_NOFOLLOW], {
      ignore: [errno.ENOENT, errno.ENOTDIR],
    })
  })
  if (directories.length > 0) await session.run(builder.build())
  rmSync(path)
}

function parseJournal(text: string): readonly Restored[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every(isRestored) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isRestored(value: unknown): value is Restored {
  return typeof value === 'object' && value !== null &&
    'tree' in value && isPath(value.tree) && value.tree.startsWith('/') &&
    'directory' in value && isPath(value.directory) &&
    'mtimeSec' in value && Number.isSafeInteger(value.mtimeSec) &&
    'mtimeNsec' in value && Number.isSafeInteger(value.mtimeNsec)
}

const isPath = (value: unknown): value is string =>
  typeof value === 'string' && !value.includes('\0')
