/**
 * Finds the regular files of trees, each inode once with all its names.
 *
 * @module
 */
import { type ByteString, byteString, join, PATH_BYTES } from '../host/tree/names.ts'
import type { Xattr } from '../host/tree/entry.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import { makeExclude } from './exclude.ts'
import type { Listed } from './listed.ts'
import { type Directory, listTree, type Unreadable } from './listing.ts'
import { isIdentityXattr, metaKey, type MetaOptions } from './meta_key.ts'
import { type FileNode, pathOf, type Tree } from './tree.ts'

export interface Gathered {
  /** By inode number. */
  readonly files: Map<number, FileNode>
  /** Names of regular files that were looked at. */
  names: number
  readonly unreadable: { readonly tree: Tree; readonly what: Unreadable }[]
}

/** FS_IMMUTABLE_FL and FS_APPEND_FL (linux/fs.h): files that no name can be added to. */
const UNLINKABLE = 0x10 | 0x20

/**
 * Lists trees. A file that has one of its names where nothing is shared, or where no path leads to, stays as
 * it is under all of them. A tree that is gone by now has only its root among what is unreadable.
 */
export async function gatherTrees(
  session: Session,
  trees: readonly Tree[],
  { signal, progress }: { signal: AbortSignal; progress: (done: number) => void },
): Promise<Gathered> {
  const gathered: Gathered = { files: new Map(), names: 0, unreadable: [] }
  const excluded = new Set<number>()
  for (const [done, tree] of trees.entries()) {
    progress(done)
    const isExcluded = makeExclude(tree.excludes)
    const longest = PATH_BYTES - byteString(tree.path).length - 1
    const visit = (directory: Directory) => {
      for (const entry of directory.entries) {
        if ((entry.mode & k.S_IFMT) !== k.S_IFREG || entry.error !== 0) continue
        gathered.names++
        const path = join(directory.path, entry.name)
        if (path.length > longest || isExcluded(path)) excluded.add(entry.ino)
        else if (canShare(entry)) {
          let file = gathered.files.get(entry.ino)
          if (file === undefined) gathered.files.set(entry.ino, file = toNode(entry, tree))
          // A guest could write to it under one of its names.
          else if (file.writable !== tree.writable) excluded.add(entry.ino)
          const { path: below, mtimeSec, mtimeNsec } = directory
          file.names.push({ tree, directory: below, mtimeSec, mtimeNsec, name: entry.name })
        }
      }
    }
    const unreadable = await listTree(session, { root: tree.path, signal }, visit).catch(unlessGone)
    for (const what of unreadable) gathered.unreadable.push({ tree, what })
  }
  for (const ino of excluded) gathered.files.delete(ino)
  return gathered
}

/**
 * Leaves alone files that have names which nobody knows: somebody may write through those.
 *
 * @returns ids of the immutable trees that such files are in: they are to be looked at again
 */
export function dropAliased({ files }: Pick<Gathered, 'files'>): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const { ino, names, nlink, object, writable } of files.values()) {
    const known = names.length + (object === undefined ? 0 : 1)
    if (known >= nlink) continue
    files.delete(ino)
    if (!writable) { for (const { tree } of names) ids.add(tree.id) }
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
function canShare({ flags, size, blocks }: Listed): boolean {
  return (flags & UNLINKABLE) === 0 && size <= 8 * 512 * blocks + (1 << 20)
}

function toNode(entry: Listed, { writable }: Tree): FileNode {
  const { ino, size, blocks, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec } = entry
  const { uid, gid, nlink, mode, flags, xattrBytes } = entry
  return {
    ...{ ino, size, blocks, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec },
    ...{ uid, gid, nlink, mode, flags, xattrBytes },
    names: [],
    meta: '',
    digest: undefined,
    writable,
    object: undefined,
  }
}

/**
 * Reads the xattrs of files that have any, and gives every file its metadata key. What is gone by now, with
 * its tree or because a guest was started, is not among the files any more.
 */
export async function readMeta(
  session: Session,
  { files }: Pick<Gathered, 'files'>,
  options: MetaOptions,
): Promise<void> {
  const having: FileNode[] = []
  for (const file of files.values()) {
    if (file.xattrBytes > 0) having.push(file)
    else file.meta = metaKey(file, [], options)
  }
  for (let from = 0; from < having.length; from += 256) {
    const some = having.slice(from, from + 256)
    const paths = some.map(({ names }) => (names[0] === undefined ? '' : pathOf(names[0])))
    const xattrs = await readThose(session, paths)
    some.forEach((file, i) => {
      const own = xattrs[i]
      if (own === undefined) files.delete(file.ino)
      else file.meta = metaKey(file, own, options)
    })
  }
}

/** The xattrs of each path; of one that cannot be looked at, `undefined`. */
async function readThose(
  session: Session,
  paths: readonly ByteString[],
): Promise<readonly (readonly Xattr[] | undefined)[]> {
  try {
    return await readXattrs(session, paths, isIdentityXattr)
  } catch (error) {
    if (!(error instanceof OpFailure)) throw error
    if (paths.length === 1) return [undefined]
    const half = paths.length >> 1
    return [
      ...await readThose(session, paths.slice(0, half)),
      ...await readThose(session, paths.slice(half)),
    ]
  }
}
