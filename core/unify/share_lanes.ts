/**
 * Makes many groups of equal files one each: while some are put on record, others are shared.
 *
 * @module
 */
import { lstatSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { byteString } from '../host/tree/names.ts'
import type { Choice, EqualFiles } from './choose.ts'
import { digestFiles } from './digest.ts'
import { directoriesOf, withJournal } from './journal.ts'
import { type Lane, workThrough } from './lanes.ts'
import type { Equal } from './match.ts'
import { readMeta } from './meta.ts'
import { basicKey } from './meta_key.ts'
import { markUnfinished, recordShared } from './record.ts'
import { cut } from './pieces.ts'
import { makeRelinker } from './relink.ts'
import type { UnifyRequest } from './run.ts'
import { addShared, nothingShared, type Shared, shareEqual } from './share.ts'
import { damagedName, journalOf, storeTree } from './store.ts'
import type { FileTable, Place } from './table.ts'
import { statNode } from './tree.ts'

type ShareRequest = Pick<
  UnifyRequest,
  'store' | 'index' | 'ignoreTimes' | 'signal' | 'progress'
>

/** Files that are shared with one journal. */
const WINDOW = 1 << 16

/** Files that are shared, and put on record, at once; while some are recorded, others are shared. */
const BATCH = 1 << 12
const SIDE_BY_SIDE = [1, 2, 3]

/** Groups with their files as objects. */
export function* inFull(
  groups: Iterable<Equal>,
  { files, ignoreTimes }: { files: FileTable; ignoreTimes: boolean },
): Generator<EqualFiles> {
  for (const { files: numbers, known, content, meta } of groups) {
    const basic = basicKey(files.basicMeta(numbers[0] ?? 0), { ignoreTimes })
    yield { files: numbers.map(files.node), known, content, meta, basic }
  }
}

function* placesOf(groups: Iterable<Equal>, files: FileTable): Generator<Place> {
  for (const { files: numbers, known } of groups) {
    for (const file of numbers) yield* files.placesOf(file)
    for (const { names } of known) yield* names
  }
}

/** Makes equal files one, in all lanes. */
export async function shareInLanes(
  lanes: readonly Lane[],
  { request, files, groups }: {
    request: ShareRequest
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
    for (const window of cut(groups, (group) => group.files.length / WINDOW)) {
      const directories = directoriesOf(placesOf(window, files))
      await withJournal(journalOf(store), directories, async () => {
        await workThrough(
          SIDE_BY_SIDE,
          { pieces: cut(window, (group) => group.files.length / BATCH) },
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
  { store, ignoreTimes }: ShareRequest,
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
