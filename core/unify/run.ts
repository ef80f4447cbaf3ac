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
import { directoriesOf, withJournal } from './journal.ts'
import { makeKnownFiles } from './known.ts'
import { type Lane, makeLane, workThrough } from './lanes.ts'
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
import { addShared, foresee, nothingShared, type Shared, shareEqual } from './share.ts'
import { collectStore, damagedName, journalOf, storeTree } from './store.ts'
import type { FileTable, Place } from './table.ts'
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

/** Files that are shared with one journal. */
const WINDOW = 1 << 16

/** Files that are shared, and put on record, at once; while some are recorded, others are shared. */
const BATCH = 1 << 12
const SIDE_BY_SIDE = [1, 2, 3]

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
    const groups = await freezeEqual(files, worthwhile, request)
    await synced
    // A guest may have written since, and ended.
    if (looked.some(({ writable }) => writable) && groups.length > 0) await sync()
    const shared = groups.length === 0
      ? nothingShared()
      : await share(lanes, { request, files, groups })
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

function* inFull(
  groups: Iterable<Equal>,
  { files, ignoreTimes }: { files: FileTable; ignoreTimes: boolean },
): Generator<EqualFiles> {
  for (const { files: numbers, known, content, meta } of groups) {
    const basic = basicKey(files.basicMeta(numbers[0] ?? 0), { ignoreTimes })
    yield { files: numbers.map(files.node), known, content, meta, basic }
  }
}

/** Cuts groups into pieces of about so many files. */
function* cut(groups: Iterable<Equal>, most: number): Generator<readonly Equal[]> {
  let piece: Equal[] = []
  let files = 0
  for (const group of groups) {
    piece.push(group)
    files += group.files.length
    if (files < most) continue
    yield piece
    piece = []
    files = 0
  }
  if (piece.length > 0) yield piece
}

function* placesOf(groups: Iterable<Equal>, files: FileTable): Generator<Place> {
  for (const { files: numbers, known } of groups) {
    for (const file of numbers) yield* files.placesOf(file)
    for (const { names } of known) yield* names
  }
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
  const total = groups.reduce(
    (sum, group) =>
      sum + group.files.reduce((names, file) => names + (files.at.names[file] ?? 0), 0),
    0,
  )
  let done = 0
  const relinker = makeRelinker(lanes, {
    store,
    signal,
    progress(names) {
      done += names
      progress({ phase: 'share files', done: Math.min(done, total), total, unit: 'files' })
    },
  })
  const all = nothingShared()
  const [lane] = lanes
  markUnfinished(index)
  const shareSome = async (some: readonly Equal[]) => {
    const shared = nothingShared()
    const checkObject = async (choice: Choice) =>
      lane === undefined ? undefined : await checkStored(lane, choice, request)
    await shareEqual(relinker, [...inFull(some, { files, ignoreTimes })], { checkObject, shared })
    recordShared(index, files, shared)
    addShared(all, shared)
  }
  try {
    for (const window of cut(groups, WINDOW)) {
      const directories = directoriesOf(placesOf(window, files))
      await withJournal(journalOf(store), directories, async () => {
        await workThrough(
          SIDE_BY_SIDE,
          { pieces: cut(window, BATCH) },
          (_, some) => shareSome(some),
        )
      })
    }
  } finally {
    relinker.close()
  }
  return all
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
