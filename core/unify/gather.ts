/**
 * Finds the regular files of trees, each inode once with all its names.
 *
 * @module
 */
import { join } from '../host/tree/names.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import * as k from '../linux/constants.ts'
import type { Session } from '../plan/session.ts'
import { makeExclude } from './exclude.ts'
import type { Listed } from './listed.ts'
import { listTree, type Unreadable } from './listing.ts'
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
 * Lists trees. A file that has one of its names where nothing is shared stays as it is under all of them.
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
    const unreadable = await listTree(session, { root: tree.path, signal }, (directory) => {
      for (const entry of directory.entries) {
        if ((entry.mode & k.S_IFMT) !== k.S_IFREG || entry.error !== 0) continue
        gathered.names++
        if (isExcluded(join(directory.path, entry.name))) excluded.add(entry.ino)
        else if (canShare(entry)) {
          let file = gathered.files.get(entry.ino)
          if (file === undefined) gathered.files.set(entry.ino, file = toNode(entry, tree))
          const { path, mtimeSec, mtimeNsec } = directory
          file.names.push({ tree, directory: path, mtimeSec, mtimeNsec, name: entry.name })
        }
      }
    })
    for (const what of unreadable) gathered.unreadable.push({ tree, what })
  }
  for (const ino of excluded) gathered.files.delete(ino)
  return gathered
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

/** Reads the xattrs of files that have any, and gives every file its metadata key. */
export async function readMeta(
  session: Session,
  files: Iterable<FileNode>,
  options: MetaOptions,
): Promise<void> {
  const having: FileNode[] = []
  for (const file of files) {
    if (file.xattrBytes > 0) having.push(file)
    else file.meta = metaKey(file, [], options)
  }
  for (let from = 0; from < having.length; from += 256) {
    const some = having.slice(from, from + 256)
    const paths = some.map(({ names }) => (names[0] === undefined ? '' : pathOf(names[0])))
    const xattrs = await readXattrs(session, paths, isIdentityXattr)
    some.forEach((file, i) => {
      file.meta = metaKey(file, xattrs[i] ?? [], options)
    })
  }
}
