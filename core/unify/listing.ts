/**
 * Listings of directory trees through the executor: every directory once, in batches. No link is followed
 * and no mount is entered.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { lstatSync } from 'node:fs'
import { type ByteString, join, PATH_BYTES, toBytes } from '../host/tree/names.ts'
import { opStream } from '../host/tree/ops.ts'
import { errno } from '../linux/errno.ts'
import * as k from '../linux/constants.ts'
import { slot } from '../plan/abi.ts'
import { text } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import { closeDescriptor, openDirectory } from './descriptor.ts'
import { decodeDirectory, type Listed } from './listed.ts'
import { splitTime } from './time.ts'

export interface Directory {
  /** Below the root of the tree; empty for the root itself. */
  readonly path: ByteString
  readonly mtimeSec: number
  readonly mtimeNsec: number
  readonly entries: readonly Listed[]
}

/** A path that could not be looked at, and why. */
export interface Unreadable {
  readonly path: ByteString
  readonly errno: number
}

export interface ListRequest {
  /** Absolute path of the root of the tree. */
  readonly root: string
  /** Whether to go into a directory below the root. */
  readonly enter?: (path: ByteString) => boolean
  /** Without the flags and xattrs of regular files. */
  readonly briefly?: boolean
  readonly signal?: AbortSignal
}

/** Directories in one plan, so that its answer stays small. */
const BATCH = 256

/** LIST: look at flags and xattrs of regular files. */
const CLOSELY = 1

type Unlisted = Omit<Directory, 'entries'>

/**
 * Lists a tree, directory by directory, each before what is in it.
 *
 * @returns what could not be looked at: on another mount, vanished meanwhile, or too long or too large
 * @throws {OpFailure} when the root cannot be opened
 */
export async function listTree(
  session: Session,
  request: ListRequest,
  visit: (directory: Directory) => void,
): Promise<readonly Unreadable[]> {
  const unreadable: Unreadable[] = []
  const fd = await openDirectory(session, request.root)
  try {
    // What was opened may be gone from its place: nothing is found in it then.
    const { mtimeNs } = lstatSync(request.root, { bigint: true, throwIfNoEntry: false }) ??
      { mtimeNs: 0n }
    let level: Unlisted[] = [{ path: '', ...splitTime(mtimeNs) }]
    while (level.length > 0) {
      const below: Unlisted[] = []
      for (let from = 0; from < level.length; from += BATCH) {
        request.signal?.throwIfAborted()
        const some = level.slice(from, from + BATCH)
        const answer = await ask(session, { fd, directories: some, briefly: request.briefly })
        let place = 0
        for (const directory of some) {
          const { error, entries, next } = decodeDirectory(answer, place)
          place = next
          if (error !== 0) unreadable.push({ path: directory.path, errno: error })
          else {
            visit({ ...directory, entries })
            for (const entry of entries) take(directory.path, entry, below)
          }
        }
      }
      level = below
    }
  } finally {
    await closeDescriptor(session, fd)
  }
  return unreadable

  function take(parent: ByteString, entry: Listed, below: Unlisted[]): void {
    if (entry.error !== 0) {
      unreadable.push({ path: join(parent, entry.name), errno: entry.error })
      return
    }
    if ((entry.mode & k.S_IFMT) !== k.S_IFDIR) return
    const path = join(parent, entry.name)
    if (path.length > PATH_BYTES) unreadable.push({ path, errno: errno.ENAMETOOLONG })
    else if (request.enter?.(path) !== false) {
      below.push({ path, mtimeSec: entry.mtimeSec, mtimeNsec: entry.mtimeNsec })
    }
  }
}

async function ask(
  session: Session,
  { fd, directories, briefly }: {
    fd: number
    directories: readonly Unlisted[]
    briefly: boolean | undefined
  },
): Promise<Buffer> {
  const program = opStream(slot.FREE)
  for (const [index, { path }] of directories.entries()) {
    program.step(index, 'list a directory')
    program.emit('LIST', [fd, text(path === '' ? '.' : toBytes(path)), briefly ? 0 : CLOSELY])
  }
  return Buffer.from((await session.run(program.finish())).bytes)
}
