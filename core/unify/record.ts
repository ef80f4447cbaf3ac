/**
 * What a run knows from earlier ones, and leaves for later ones.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { errno } from '../linux/errno.ts'
import type { Session } from '../plan/session.ts'
import type { Index } from './index_file.ts'
import { namesOf } from './known.ts'
import { basicKey, isObjectName } from './meta_key.ts'
import type { Failure, Shared } from './share.ts'
import { listObjects } from './store.ts'
import { type FileTable, state } from './table.ts'
import { termsOf, type Tree } from './tree.ts'

/** The index's note that a run may have made objects that it does not know. */
const UNFINISHED = 'unfinished'

/** Says that objects are about to be made; {@link recordRun} takes that back. */
export function markUnfinished(index: Index): void {
  index.setNote(UNFINISHED, 'yes')
}

/** Names of objects by inode number, where the index cannot tell: it was lost, or the last run died. */
export async function knownAsObjects(
  session: Session,
  { index, store }: { index: Index; store: string },
): Promise<ReadonlyMap<number, string>> {
  if (index.trees().size > 0 && index.note(UNFINISHED) !== 'yes') return new Map()
  const objects = (await listObjects(session, store)).filter(({ object }) => isObjectName(object))
  return new Map(objects.map(({ ino, object }) => [ino, object]))
}

/**
 * Looks up what was gathered: what is an object already needs nothing, and a file that has names in trees
 * that were looked at before has all of them here.
 */
export function mergeKnownNames(
  files: FileTable,
  { index, trees, store, objects }: {
    index: Index
    trees: readonly Tree[]
    store: string
    objects: ReadonlyMap<number, string>
  },
): void {
  const treeOf = new Map(trees.map((tree) => [tree.id, tree]))
  const seen = index.trees()
  if (seen.size === 0 && objects.size === 0) return
  const { at } = files
  for (const file of files.here()) {
    if (at.nlink[file] === 1) continue
    const ino = at.ino[file] ?? 0
    const object = objects.get(ino)
    if (object !== undefined) files.objects.set(file, object)
    const row = index.ofIno(ino)
    if (row === undefined) continue
    const isSame = row.size === at.size[file] && row.mtimeSec === at.mtimeSec[file] &&
      row.mtimeNsec === at.mtimeNsec[file]
    if (!isSame) index.drop(ino)
    else if (row.object === null) {
      for (const name of namesOf(index.names(ino), treeOf)) files.addName(file, name)
    } else if (!isObject(join(store, row.object), ino)) index.drop(ino)
    else if (files.node(file).names.some(({ tree }) => seen.has(tree.id))) {
      // On other terms than before, also objects may turn out to be equal.
      files.objects.set(file, row.object)
    } else files.drop(file)
  }
}

function isObject(path: string, ino: number): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.ino === ino
}

/** Why a name could not be made a link that is no reason to look at its tree again. */
const lasting: readonly number[] = [errno.ENOENT, errno.ESTALE, errno.EPERM]

/** Writes down what has become an object, and forgets what has given way. */
export function recordShared(index: Index, files: FileTable, { objects, gone }: Shared): void {
  const settled = (ino: number) => {
    const file = files.ofIno(ino)
    if (file !== undefined) files.at.state[file] = state.SHARED
  }
  index.change(() => {
    for (const { choice: { equal, stays }, object, ino } of objects) {
      settled(ino)
      const { size, blocks, mtimeSec, mtimeNsec } = stays
      const { content: digest, basic: meta } = equal
      index.put({ ino, size, blocks, meta, mtimeSec, mtimeNsec, digest, object }, [])
    }
    for (const ino of gone) {
      settled(ino)
      index.drop(ino)
    }
  })
}

/** Writes down what else was found. A tree in which something failed is looked at again. */
export function recordRun(
  index: Index,
  { looked, files, failures, ignoreTimes }: {
    looked: readonly Tree[]
    files: FileTable
    failures: readonly Failure[]
    ignoreTimes: boolean
  },
): void {
  const failed = new Set(
    failures
      .filter(({ errno }) => !lasting.includes(errno))
      .map(({ item }) => item.name.tree.id),
  )
  index.change(() => {
    for (const file of files.here()) {
      if (files.at.writable[file] === 1) continue
      const { ino, size, blocks, mtimeSec, mtimeNsec, object = null, names } = files.node(file)
      const meta = basicKey(files.basicMeta(file), { ignoreTimes })
      index.put(
        { ino, size, blocks, meta, mtimeSec, mtimeNsec, digest: null, object },
        names.map(({ tree: { id }, directory, name }) => ({ tree: id, directory, name })),
      )
    }
    index.setNote(UNFINISHED, 'no')
    for (const tree of looked) {
      if (!tree.writable && !failed.has(tree.id)) {
        index.addTree(tree.id, termsOf(tree, { ignoreTimes }))
      }
    }
  })
}
