/**
 * Listings of directory trees through the executor: every directory once, in batches. No link is followed
 * and no mount is entered.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { type ByteString, join, PATH_BYTES, toBytes } from '../host/tree/names.ts'
import { errno } from '../linux/errno.ts'
import * as k from '../linux/constants.ts'
import { text } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import { closeDescriptor, openDirectory } from './descriptor.ts'
import { type Lane, makeLane } from './lanes.ts'
import { type Listed, type ListedRecord, listReader, nameOf, toListed } from './listed.ts'
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
  readonly signal?: AbortSignal
}

/** Told of each directory, before what is in it, and then of its entries. */
export interface Visitor {
  directory(place: Omit<Directory, 'entries'>): void
  entry(entry: ListedRecord): void
}

/** Directories in one plan, so that its answer stays small. */
const BATCH = 64

/** So many plans are under way: the executor is at work while an answer is read. */
const AHEAD = 2

type Unlisted = Omit<Directory, 'entries'>

/**
 * Walks through a tree, directory by directory.
 *
 * @returns what could not be looked at: on another mount, vanished meanwhile, or too long or too large
 * @throws {OpFailure} when the root cannot be opened
 */
export async function walkTree(
  lane: Lane,
  request: ListRequest,
  visitor: Visitor,
): Promise<readonly Unreadable[]> {
  const unreadable: Unreadable[] = []
  const fd = await openDirectory(lane.session, request.root)
  const asked: {
    readonly directories: readonly Unlisted[]
    readonly answer: Promise<Uint8Array>
  }[] = []
  try {
    // What was opened may be gone from its place: nothing is found in it then.
    const { mtimeNs } = lstatSync(request.root, { bigint: true, throwIfNoEntry: false }) ??
      { mtimeNs: 0n }
    const waiting: Unlisted[] = [{ path: '', ...splitTime(mtimeNs) }]
    // Those that had no room in an answer beside others.
    const large: Unlisted[] = []
    for (;;) {
      request.signal?.throwIfAborted()
      while (waiting.length + large.length > 0 && asked.length < AHEAD) {
        const directories = large.length > 0 ? large.splice(0, 1) : waiting.splice(0, BATCH)
        const answer = ask(lane, { fd, directories })
        // A failure is met when its turn comes.
        answer.catch(() => undefined)
        asked.push({ directories, answer })
      }
      const next = asked.shift()
      if (next === undefined) return unreadable
      const reader = listReader(await next.answer)
      for (const directory of next.directories) {
        const error = reader.next()
        if (error === errno.ENOBUFS && next.directories.length > 1) large.push(directory)
        else if (error !== 0) unreadable.push({ path: directory.path, errno: error })
        else {
          visitor.directory(directory)
          reader.each((entry) => {
            visitor.entry(entry)
            if (entry.error !== 0 || (entry.mode & k.S_IFMT) === k.S_IFDIR) {
              take(directory.path, entry, waiting)
            }
          })
        }
      }
    }
  } finally {
    await Promise.allSettled(asked.map(({ answer }) => answer))
    await closeDescriptor(lane.session, fd)
  }

  function take(parent: ByteString, entry: ListedRecord, below: Unlisted[]): void {
    const path = join(parent, nameOf(entry))
    if (entry.error !== 0) unreadable.push({ path, errno: entry.error })
    else if (path.length > PATH_BYTES) unreadable.push({ path, errno: errno.ENAMETOOLONG })
    else if (request.enter?.(path) !== false) {
      below.push({ path, mtimeSec: entry.mtimeSec, mtimeNsec: entry.mtimeNsec })
    }
  }
}

/** Lists a tree, as {@link walkTree} does, with objects for all that is there. */
export async function listTree(
  session: Session,
  request: ListRequest,
  visit: (directory: Directory) => void,
): Promise<readonly Unreadable[]> {
  let current: { place: Unlisted; entries: Listed[] } | undefined
  const finish = () => {
    if (current !== undefined) visit({ ...current.place, entries: current.entries })
  }
  const unreadable = await walkTree(makeLane(session), request, {
    directory(place) {
      finish()
      current = { place, entries: [] }
    },
    entry: (entry) => void current?.entries.push(toListed(entry)),
  })
  finish()
  return unreadable
}

function ask(
  lane: Lane,
  { fd, directories }: { fd: number; directories: readonly Unlisted[] },
): Promise<Uint8Array> {
  return lane.run((ops) => {
    for (const [index, { path }] of directories.entries()) {
      ops.step(index, 'list a directory')
      ops.emit('LIST', [fd, text(path === '' ? '.' : toBytes(path))])
    }
  })
}
