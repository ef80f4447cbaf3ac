/**
 * What a run knows from earlier ones, and leaves for later ones.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { errno } from '../linux/errno.ts'
import type { Session } from '../plan/session.ts'
import type { Gathered } from './gather.ts'
import type { Index } from './index_file.ts'
import { namesOf } from './known.ts'
import { isObjectName } from './meta_key.ts'
import type { Shared } from './share.ts'
import { listObjects } from './store.ts'
import { type FileNode, termsOf, type Tree } from './tree.ts'

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
  { files }: Gathered,
  { index, trees, store, objects }: {
    index: Index
    trees: readonly Tree[]
    store: string
    objects: ReadonlyMap<number, string>
  },
): void {
  const treeOf = new Map(trees.map((tree) => [tree.id, tree]))
  const seen = index.trees()
  for (const [ino, file] of files) {
    if (file.nlink === 1) continue
    file.object = objects.get(ino)
    const row = index.ofIno(ino)
    if (row === undefined) continue
    const { mtimeSec, mtimeNsec } = row
    const isSame = row.size === file.size && mtimeSec === file.mtimeSec &&
      mtimeNsec === file.mtimeNsec
    if (!isSame) index.drop(ino)
    else if (row.object === null) file.names.push(...namesOf(index.names(ino), treeOf))
    else if (!isObject(join(store, row.object), ino)) index.drop(ino)
    else if (seenTree(file, seen)) file.object = row.object
    else files.delete(ino)
  }
}

/** On other terms than before, also objects may turn out to be equal. */
const seenTree = ({ names }: FileNode, seen: ReadonlyMap<string, string>) =>
  names.some(({ tree }) => seen.has(tree.id))

function isObject(path: string, ino: number): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.ino === ino
}

/** Why a name could not be made a link that is no reason to look at its tree again. */
const lasting: readonly number[] = [errno.ENOENT, errno.ESTALE, errno.EPERM]

/** Writes down what was found. A tree in which something failed is looked at again. */
export function recordRun(
  index: Index,
  { looked, files, shared, ignoreTimes }: {
    looked: readonly Tree[]
    files: Iterable<FileNode>
    shared: Shared
    ignoreTimes: boolean
  },
): void {
  const failed = new Set(
    shared.failures
      .filter(({ errno }) => !lasting.includes(errno))
      .map(({ item }) => item.name.tree.id),
  )
  index.change(() => {
    const objects = new Set<number>()
    for (const { choice: { equal, stays }, object, ino } of shared.objects) {
      objects.add(ino)
      const { size, blocks, mtimeSec, mtimeNsec } = stays
      const { meta, content: digest } = equal
      index.put({ ino, size, blocks, meta, mtimeSec, mtimeNsec, digest, object }, [])
    }
    for (const ino of shared.gone) index.drop(ino)
    for (const file of files) {
      if (file.writable || objects.has(file.ino) || shared.gone.has(file.ino)) continue
      const { ino, size, blocks, meta, mtimeSec, mtimeNsec } = file
      const digest = file.digest instanceof Uint8Array ? file.digest : null
      index.put(
        { ino, size, blocks, meta, mtimeSec, mtimeNsec, digest, object: file.object ?? null },
        file.names.map(({ tree: { id }, directory, name }) => ({ tree: id, directory, name })),
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
