/**
 * One run of unification: finds equal files of all trees, and makes each one inode.
 *
 * Immutable trees are looked at once, when they are new. Writable layers of stopped guests are looked at each
 * time, and nothing of them is linked: `moveOut` first takes what others share into a layer that nobody can
 * write to.
 *
 * @module
 */
import { syncFileSystem } from '../host/sync.ts'
import type { Session } from '../plan/session.ts'
import { freezeEqual, type FreezeRequest, isWorthwhile } from './freeze.ts'
import { dropAliased, type Gathered, gatherTrees } from './gather.ts'
import type { Index } from './index_file.ts'
import { makeKnownFiles } from './known.ts'
import { makeLane } from './lanes.ts'
import { findEqual } from './match.ts'
import { knownAsObjects, mergeKnownNames, recordRun } from './record.ts'
import { foresee, nothingShared, type Shared } from './share.ts'
import { inFull, shareInLanes } from './share_lanes.ts'
import { collectStore } from './store.ts'
import { termsOf, type Tree } from './tree.ts'

export interface UnifyRequest extends FreezeRequest {
  readonly trees: readonly Tree[]
  /** Absolute path of the store; on the file system of the trees. */
  readonly store: string
  readonly index: Index
  readonly ignoreTimes: boolean
  /** Find out, and change nothing. */
  readonly dryRun: boolean
  readonly progress: (event: UnifyProgress) => void
  /** Opens executors that work beside the caller's; the first one waits for the disk. The caller closes them. */
  readonly openHelpers?: (() => Promise<readonly Session[]>) | undefined
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
  const { index, ignoreTimes, dryRun, trees, signal } = request
  const seen = index.trees()
  const looked = trees.filter((tree) =>
    tree.writable || seen.get(tree.id) !== termsOf(tree, request)
  )
  if (looked.length === 0) return { ...nothingShared(), trees: 0, names: 0, unreadable: [] }
  const [syncing = session, ...helpers] = await request.openHelpers?.() ?? []
  const lanes = [session, ...helpers].map(makeLane)
  const sync = () => syncFileSystem(syncing, request.store)
  // What others are about to lose must not be only in memory in the place that they get.
  const synced = dryRun ? Promise.resolve() : sync()
  try {
    const gathered = await gatherTrees(lanes, looked, {
      signal,
      progress: (done) =>
        request.progress({ phase: 'list trees', done, total: looked.length, unit: 'trees' }),
    })
    // What the index has of a tree that is looked at once more is found there as well.
    const other = { ...request, trees: trees.filter((tree) => !looked.includes(tree)) }
    const { files, unreadable } = gathered
    const objects = await knownAsObjects(session, request)
    mergeKnownNames(files, { ...other, objects })
    const unsettled = dropAliased(files)
    const found = { trees: looked.length, names: gathered.names, unreadable }
    const equal = await findEqual(lanes, {
      files,
      ignoreTimes,
      knownOfSize: seen.size === 0 ? undefined : makeKnownFiles(other).ofSize,
      signal,
      progress: ({ doneBytes: done, totalBytes: total }) =>
        request.progress({ phase: 'read files', done, total, unit: 'bytes' }),
    })
    const worthwhile = equal.filter((one) => isWorthwhile(files, one))
    if (dryRun) return { ...foresee(inFull(worthwhile, { files, ignoreTimes })), ...found }
    const groups = await freezeEqual(files, worthwhile, { ...request, lanes })
    await synced
    // A guest may have written since, and ended.
    if (looked.some(({ writable }) => writable) && groups.length > 0) await sync()
    const shared = groups.length === 0
      ? nothingShared()
      : await shareInLanes(lanes, { request, files, groups })
    if (shared.garbage) await collectStore(session, request.store)
    const gone = new Set(unreadable.flatMap(({ tree, what }) => (what.path === '' ? [tree] : [])))
    const there = looked.filter((tree) => !gone.has(tree) && !unsettled.has(tree.id))
    recordRun(index, { looked: there, files, failures: shared.failures, ignoreTimes })
    return { ...shared, ...found }
  } finally {
    await Promise.allSettled([synced])
    for (const lane of lanes) await lane.close()
  }
}
