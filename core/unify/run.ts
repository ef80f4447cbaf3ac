/**
 * One run of unification: finds equal files of all trees, and makes each one inode.
 *
 * Immutable trees are looked at once, when they are new. Writable layers of stopped guests are looked at each
 * time, and nothing of them is linked: `moveOut` first takes what others share into a layer that nobody can
 * write to.
 *
 * @module
 */
import { renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncFileSystem } from '../host/sync.ts'
import { byteString } from '../host/tree/names.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import type { Session } from '../plan/session.ts'
import { type Choice, crossesTrees, isWhole } from './choose.ts'
import { digestFiles } from './digest.ts'
import { dropAliased, type Gathered, gatherTrees, readMeta } from './gather.ts'
import type { Index } from './index_file.ts'
import { makeJournal } from './journal.ts'
import { makeKnownFiles } from './known.ts'
import type { Listed } from './listed.ts'
import { listTree } from './listing.ts'
import { type Equal, findEqual } from './match.ts'
import { isIdentityXattr, metaKey } from './meta_key.ts'
import { knownAsObjects, markUnfinished, mergeKnownNames, recordRun } from './record.ts'
import { openRelinker } from './relink.ts'
import { foresee, type Shared, shareEqual } from './share.ts'
import { collectStore, damagedName, journalOf, stagingName } from './store.ts'
import { type FileNode, type Name, pathOf, termsOf, type Tree } from './tree.ts'

export interface UnifyRequest {
  readonly trees: readonly Tree[]
  /** Absolute path of the store; on the file system of the trees. */
  readonly store: string
  readonly index: Index
  readonly ignoreTimes: boolean
  /** Find out, and change nothing. */
  readonly dryRun: boolean
  readonly signal: AbortSignal
  readonly progress: (event: UnifyProgress) => void
  /**
   * Takes files out of the writable layer of a stopped guest.
   *
   * @returns the names that they have now, in a new immutable tree; those of files that changed meanwhile,
   * or of a guest that runs by now, are not among them
   */
  readonly moveOut: (tree: Tree, files: readonly FileNode[]) => Promise<ReadonlyMap<Name, Name>>
}

export interface UnifyProgress {
  readonly phase: 'list trees' | 'read files' | 'share files'
  readonly done: number
  readonly total: number
  readonly unit: 'trees' | 'bytes' | 'files'
}

export interface UnifyResult extends Shared {
  /** Trees that were looked at. */
  readonly trees: number
  /** Names of regular files in them. */
  readonly names: number
  readonly unreadable: Gathered['unreadable']
}

/** Unifies. The caller holds the lock of unification. */
export async function unifyTrees(session: Session, request: UnifyRequest): Promise<UnifyResult> {
  const { index, signal, ignoreTimes, dryRun, trees } = request
  const seen = index.trees()
  const looked = trees.filter((tree) =>
    tree.writable || seen.get(tree.id) !== termsOf(tree, request)
  )
  // What the index has of a tree that is looked at once more is found there as well.
  const other = { ...request, trees: trees.filter((tree) => !looked.includes(tree)) }
  const gathered = await gatherTrees(session, looked, {
    signal,
    progress: (done) =>
      request.progress({ phase: 'list trees', done, total: looked.length, unit: 'trees' }),
  })
  const objects = await knownAsObjects(session, request)
  mergeKnownNames(gathered, { ...other, objects })
  const unsettled = dropAliased(gathered)
  await readMeta(session, gathered, { ignoreTimes })
  const equal = await findEqual({
    files: gathered.files.values(),
    knownOfSize: makeKnownFiles(other).ofSize,
    signal,
    progress: ({ doneBytes: done, totalBytes: total }) =>
      request.progress({ phase: 'read files', done, total, unit: 'bytes' }),
  })
  const found = { trees: looked.length, names: gathered.names, unreadable: gathered.unreadable }
  if (dryRun) return { ...foresee(equal.filter(isWorthwhile)), ...found }
  const groups = await freeze(equal, request)
  markUnfinished(index)
  const shared = await share(session, request, groups)
  if (shared.garbage) await collectStore(session, request.store)
  const gone = new Set(
    gathered.unreadable.flatMap(({ tree, what }) => (what.path === '' ? [tree] : [])),
  )
  const there = looked.filter((tree) => !gone.has(tree) && !unsettled.has(tree.id))
  recordRun(index, { looked: there, files: gathered.files.values(), shared, ignoreTimes })
  return { ...shared, ...found }
}

/** What only one guest can write to is left with it, unless another tree has the same. */
const isWorthwhile = (equal: Equal): boolean =>
  crossesTrees(equal) || equal.files.every(({ writable }) => !writable)

/**
 * Takes out of writable layers what is shared, and reads it again then: who still had a file open or mapped
 * could write to it after it was read, and its times need not tell.
 *
 * @returns groups of files that nobody can write to
 */
async function freeze(
  equal: readonly Equal[],
  { moveOut, signal }: UnifyRequest,
): Promise<readonly Equal[]> {
  const leaving = new Map<Tree, FileNode[]>()
  for (const { files } of equal.filter(isWorthwhile)) {
    for (const file of files) {
      const tree = file.writable && isWhole(file) ? file.names[0]?.tree : undefined
      if (tree !== undefined) leaving.set(tree, [...leaving.get(tree) ?? [], file])
    }
  }
  for (const [tree, files] of leaving) {
    const moved = await moveOut(tree, files)
    const frozen = files.filter((file) => {
      const names = file.names.flatMap((name) => moved.get(name) ?? [])
      if (names.length < file.names.length) return false
      file.names = names
      file.writable = false
      return true
    })
    const digests = await digestFiles(
      frozen.map(({ names: [name], size }) => ({
        path: name === undefined ? '' : pathOf(name),
        size,
      })),
      { signal },
    )
    frozen.forEach((file, i) => {
      file.digest = digests[i]
    })
  }
  return equal.flatMap((group) => {
    const files = group.files.filter(({ writable, digest }) =>
      !writable && digest instanceof Uint8Array && Buffer.compare(digest, group.content) === 0
    )
    return files.length + group.known.length > 1 ? [{ ...group, files }] : []
  })
}

async function share(
  session: Session,
  request: UnifyRequest,
  groups: readonly Equal[],
): Promise<Shared> {
  const { store, signal, progress } = request
  const total = groups.reduce(
    (sum, { files }) => sum + files.reduce((names, file) => names + file.names.length, 0),
    0,
  )
  // What others are about to lose must not be only in memory in the place that they get.
  if (total > 0) await syncFileSystem(session, store)
  let done = 0
  const relinker = await openRelinker(session, {
    store,
    staging: stagingName(),
    journal: makeJournal(journalOf(store)),
    signal,
    progress(names) {
      done += names
      progress({ phase: 'share files', done: Math.min(done, total), total, unit: 'files' })
    },
  })
  try {
    return await shareEqual(relinker, groups, (choice) => checkObject(session, request, choice))
  } finally {
    await relinker.close()
  }
}

/**
 * Whether an object that the index does not know is what its name says, in all of it: something may have
 * changed it. One that is not is put away, under a name that nothing is linked to.
 *
 * @returns its inode number; `undefined` when there is none any more
 */
async function checkObject(
  session: Session,
  { store, ignoreTimes }: UnifyRequest,
  { object, equal }: Choice,
): Promise<number | undefined> {
  const place = join(store, dirname(object))
  const found: Listed[] = []
  await listTree(session, { root: place }, ({ path, entries }) => {
    if (path === '') found.push(...entries.filter(({ name }) => name === basename(object)))
  })
  const [entry] = found
  if (entry === undefined) return undefined
  const path = byteString(join(store, object))
  const [digest] = await digestFiles([{ path, size: entry.size }])
  const [xattrs = []] = await readXattrs(session, [path], isIdentityXattr)
  const same = digest instanceof Uint8Array && Buffer.compare(digest, equal.content) === 0 &&
    metaKey(entry, xattrs, { ignoreTimes }) === equal.meta
  if (same) return entry.ino
  renameSync(path, damagedName(path))
  return undefined
}
