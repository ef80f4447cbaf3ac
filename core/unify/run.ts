/**
 * One run of unification: finds equal files of all trees, and makes each one inode.
 *
 * Immutable trees are looked at once, when they are new. Writable layers of stopped guests are looked at each
 * time, and nothing of them is linked: `moveOut` first takes what others share into a layer that nobody can
 * write to.
 *
 * @module
 */
import { lstatSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncFileSystem } from '../host/sync.ts'
import { byteString } from '../host/tree/names.ts'
import type { Session } from '../plan/session.ts'
import type { Choice, EqualFiles } from './choose.ts'
import { digestFiles } from './digest.ts'
import { freezeEqual, type FreezeRequest, isWorthwhile } from './freeze.ts'
import { dropAliased, type Gathered, gatherTrees } from './gather.ts'
import type { Index } from './index_file.ts'
import { makeJournal } from './journal.ts'
import { makeKnownFiles } from './known.ts'
import { type Lane, makeLane } from './lanes.ts'
import { type Equal, findEqual } from './match.ts'
import { readMeta } from './meta.ts'
import { basicKey } from './meta_key.ts'
import {
  knownAsObjects,
  markUnfinished,
  mergeKnownNames,
  recordRun,
  recordShared,
} from './record.ts'
import { makeRelinker } from './relink.ts'
import { foresee, nothingShared, type Shared, shareEqual } from './share.ts'
import { collectStore, damagedName, journalOf, stagingName, storeTree } from './store.ts'
import type { FileTable } from './table.ts'
import { statNode, termsOf, type Tree } from './tree.ts'

export interface UnifyRequest extends FreezeRequest {
  readonly trees: readonly Tree[]
  /** Absolute path of the store; on the file system of the trees. */
  readonly store: string
  readonly index: Index
  readonly ignoreTimes: boolean
  /** Find out, and change nothing. */
  readonly dryRun: boolean
  readonly progress: (event: UnifyProgress) => void
  /** Opens executors that work beside the caller's, when there is much to do; the caller closes them. */
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

/** Names of files from which on more than one executor is used. */
const MANY = 4096

/** Names that are shared, and put on record, at once. */
const BATCH = 1 << 14

/** Unifies. The caller holds the lock of unification. */
export async function unifyTrees(session: Session, request: UnifyRequest): Promise<UnifyResult> {
  const { index, ignoreTimes, dryRun, trees, signal } = request
  const seen = index.trees()
  const looked = trees.filter((tree) =>
    tree.writable || seen.get(tree.id) !== termsOf(tree, request)
  )
  const gathered = await gatherTrees(session, looked, {
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
  const helpers = gathered.names > MANY ? await request.openHelpers?.() ?? [] : []
  const lanes = [session, ...helpers].map(makeLane)
  try {
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
    const groups = await freezeEqual(files, worthwhile, request)
    markUnfinished(index)
    const shared = await share(lanes, { request, files, groups })
    if (shared.garbage) await collectStore(session, request.store)
    const gone = new Set(unreadable.flatMap(({ tree, what }) => (what.path === '' ? [tree] : [])))
    const there = looked.filter((tree) => !gone.has(tree) && !unsettled.has(tree.id))
    recordRun(index, { looked: there, files, failures: shared.failures, ignoreTimes })
    return { ...shared, ...found }
  } finally {
    for (const lane of lanes) await lane.close()
  }
}

function* inFull(
  groups: Iterable<Equal>,
  { files, ignoreTimes }: { files: FileTable; ignoreTimes: boolean },
): Generator<EqualFiles> {
  for (const { files: numbers, known, content, meta } of groups) {
    const basic = basicKey(files.basicMeta(numbers[0] ?? 0), { ignoreTimes })
    yield { files: numbers.map(files.node), known, content, meta, basic }
  }
}

function* batches(groups: Iterable<EqualFiles>): Generator<readonly EqualFiles[]> {
  let batch: EqualFiles[] = []
  let names = 0
  for (const group of groups) {
    batch.push(group)
    names += group.files.length
    if (names < BATCH) continue
    yield batch
    batch = []
    names = 0
  }
  if (batch.length > 0) yield batch
}

async function share(
  lanes: readonly Lane[],
  { request, files, groups }: {
    request: UnifyRequest
    files: FileTable
    groups: readonly Equal[]
  },
): Promise<Shared> {
  const { store, signal, progress, ignoreTimes, index } = request
  const shared = nothingShared()
  const [first] = lanes
  if (groups.length === 0 || first === undefined) return shared
  const total = groups.reduce(
    (sum, group) =>
      sum + group.files.reduce((names, file) => names + (files.at.names[file] ?? 0), 0),
    0,
  )
  // What others are about to lose must not be only in memory in the place that they get.
  await syncFileSystem(first.session, store)
  let done = 0
  const relinker = makeRelinker(lanes, {
    store,
    staging: stagingName(),
    journal: makeJournal(journalOf(store)),
    signal,
    progress(names) {
      done += names
      progress({ phase: 'share files', done: Math.min(done, total), total, unit: 'files' })
    },
  })
  const checkObject = (choice: Choice) => checkStored(first, choice, request)
  for (const batch of batches(inFull(groups, { files, ignoreTimes }))) {
    await shareEqual(relinker, batch, { checkObject, shared })
    recordShared(index, files, shared)
    shared.objects.length = 0
    shared.gone.clear()
  }
  return shared
}

/**
 * Whether an object that the index does not know is what its name says, in all of it: something may have
 * changed it. One that is not is put away, under a name that nothing is linked to.
 *
 * @returns its inode number; `undefined` when there is none any more
 */
async function checkStored(
  lane: Lane,
  { object, equal }: Choice,
  { store, ignoreTimes }: UnifyRequest,
): Promise<number | undefined> {
  const path = byteString(join(store, object))
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (found === undefined) return undefined
  const [digest] = await digestFiles([{ path, size: Number(found.size) }])
  const file = statNode(found, {
    ...{ tree: storeTree(store), directory: dirname(object), name: basename(object) },
    ...{ mtimeSec: 0, mtimeNsec: 0 },
  })
  const [meta] = await readMeta(lane, [file], { ignoreTimes })
  const same = digest instanceof Uint8Array && Buffer.compare(digest, equal.content) === 0 &&
    meta === equal.meta
  if (same) return file.ino
  renameSync(path, damagedName(path))
  return undefined
}
