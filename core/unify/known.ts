/**
 * Files that earlier runs found, as far as their trees are still there.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { byteString, toBytes } from '../host/tree/names.ts'
import type { Index, Row, RowName } from './index_file.ts'
import type { Known } from './match.ts'
import { splitTime } from './time.ts'
import { memberOf, type Name, pathOf, type Tree } from './tree.ts'

export interface KnownFiles {
  /** Each call gives the same objects. */
  ofSize(size: number): readonly Known[]
}

/** Looks up what the index has; what is not as it was is left out. */
export function makeKnownFiles(
  { index, trees, store }: {
    readonly index: Index
    readonly trees: readonly Tree[]
    readonly store: string
  },
): KnownFiles {
  const treeOf = new Map(trees.map((tree) => [tree.id, tree]))
  const sizes = new Map<number, readonly Known[]>()
  const toKnown = (row: Row): Known | undefined => {
    if (row.object !== null) {
      const member = { root: store, path: row.object, careful: false }
      const path = byteString(join(store, row.object))
      return isSame(path, row) ? { row, member, names: [], cached: 0 } : undefined
    }
    const names = namesOf(index.names(row.ino), treeOf)
    const [first] = names
    if (first === undefined) return undefined
    const member = memberOf(first)
    return isSame(pathOf(first), row, names.length) ? { row, member, names, cached: 0 } : undefined
  }
  return {
    ofSize(size) {
      let found = sizes.get(size)
      if (found === undefined) {
        sizes.set(size, found = index.ofSize(size).flatMap((row) => toKnown(row) ?? []))
      }
      return found
    },
  }
}

/**
 * An inode number means something else once its file is gone.
 *
 * @param nlink how many names it must have, where that counts: under another one somebody may write to it
 */
function isSame(
  path: string,
  { ino, size, mtimeSec, mtimeNsec }: Row,
  nlink?: number,
): boolean {
  const found = lstatSync(toBytes(path), { bigint: true, throwIfNoEntry: false })
  if (nlink !== undefined && Number(found?.nlink) !== nlink) return false
  if (found === undefined || Number(found.ino) !== ino || Number(found.size) !== size) return false
  const time = splitTime(found.mtimeNs)
  return time.mtimeSec === mtimeSec && time.mtimeNsec === mtimeNsec
}

/** Names on record, with the times of their directories as they are now. */
export function namesOf(
  names: readonly RowName[],
  treeOf: ReadonlyMap<string, Tree>,
): readonly Name[] {
  return names.flatMap(({ tree: id, directory, name }) => {
    const tree = treeOf.get(id)
    if (tree === undefined) return []
    const place = toBytes(`${byteString(tree.path)}/${directory}`)
    const found = lstatSync(place, { bigint: true, throwIfNoEntry: false })
    if (found === undefined) return []
    return [{ tree, directory, ...splitTime(found.mtimeNs), name }]
  })
}
