/**
 * Finds the regular files of trees, each inode once with all its names.
 *
 * @module
 */
import { byteString, join, PATH_BYTES } from '../host/tree/names.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { OpFailure } from '../plan/failure.ts'
import { makeExclude } from './exclude.ts'
import { type Lane, workThrough } from './lanes.ts'
import { type ListedRecord, nameOf } from './listed.ts'
import { type Unreadable, type Visitor, walkTree } from './listing.ts'
import { type FileTable, fileTable, type Place } from './table.ts'
import type { Tree } from './tree.ts'

export interface Gathered {
  readonly files: FileTable
  /** Names of regular files that were looked at. */
  names: number
  readonly unreadable: { readonly tree: Tree; readonly what: Unreadable }[]
}

/**
 * Lists trees. A file that has one of its names where nothing is shared, or where no path leads to, stays as
 * it is under all of them. A tree that is gone by now has only its root among what is unreadable.
 */
export async function gatherTrees(
  lanes: readonly Lane[],
  trees: readonly Tree[],
  { signal, progress }: { signal: AbortSignal; progress: (done: number) => void },
): Promise<Gathered> {
  const gathered: Gathered = { files: fileTable(), names: 0, unreadable: [] }
  const excluded = new Set<number>()
  let done = 0
  await workThrough(lanes, { pieces: trees, signal }, async (lane, tree) => {
    progress(done++)
    const visitor = visitorOf(tree, { gathered, excluded })
    const unreadable = await walkTree(lane, { root: tree.path, signal }, visitor).catch(unlessGone)
    for (const what of unreadable) gathered.unreadable.push({ tree, what })
  })
  const { files } = gathered
  for (const ino of excluded) {
    const file = files.ofIno(ino)
    if (file !== undefined) files.drop(file)
  }
  return gathered
}

/** Puts what is seen of one tree into the table. */
function visitorOf(
  tree: Tree,
  { gathered, excluded }: { gathered: Gathered; excluded: Set<number> },
): Visitor {
  const { files } = gathered
  const exclude = makeExclude(tree.excludes)
  const longest = PATH_BYTES - byteString(tree.path).length - 1
  let place: Place = { tree, directory: '', mtimeSec: 0, mtimeNsec: 0 }
  let number: number | undefined
  let nothing = false
  let some = false
  let room = 0
  const isExcluded = (entry: ListedRecord) =>
    nothing || entry.nameEnd - entry.nameStart > room ||
    (some && exclude.path(join(place.directory, nameOf(entry))))
  return {
    directory({ path, mtimeSec, mtimeNsec }) {
      place = { tree, directory: path, mtimeSec, mtimeNsec }
      number = undefined
      nothing = exclude.path(path)
      some = exclude.within(path)
      room = path === '' ? longest : longest - path.length - 1
    },
    entry(entry) {
      if ((entry.mode & k.S_IFMT) !== k.S_IFREG || entry.error !== 0) return
      gathered.names++
      // A file with a single name is not met again.
      if (isExcluded(entry)) return void (entry.nlink > 1 && excluded.add(entry.ino))
      if (!canShare(entry)) return
      const file = files.add(entry, number ??= files.place(place))
      // A guest could write to it under one of its names.
      if ((files.at.writable[file] === 1) !== tree.writable) excluded.add(entry.ino)
    },
  }
}

/**
 * Leaves alone files that have names which nobody knows: somebody may write through those.
 *
 * @returns ids of the immutable trees that such files are in: they are to be looked at again
 */
export function dropAliased(files: FileTable): ReadonlySet<string> {
  const ids = new Set<string>()
  const { at } = files
  for (const file of files.here()) {
    const known = (at.names[file] ?? 0) + (files.objects.has(file) ? 1 : 0)
    if (known >= (at.nlink[file] ?? 0)) continue
    files.drop(file)
    if (at.writable[file] === 0) { for (const { tree } of files.node(file).names) ids.add(tree.id) }
  }
  return ids
}

/** What has no root is read as a tree of which nothing can be. */
function unlessGone(error: unknown): readonly Unreadable[] {
  if (!(error instanceof OpFailure) || error.errno !== errno.ENOENT) throw error
  return [{ path: '', errno: errno.ENOENT }]
}

/**
 * Whether a file may become one with another. Reading one that is nearly all hole would take as long as its
 * size says, for a guest that spent nothing on it.
 */
function canShare({ size, blocks }: ListedRecord): boolean {
  return size <= 8 * 512 * blocks + (1 << 20)
}
