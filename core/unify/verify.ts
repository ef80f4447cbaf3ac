/**
 * Reads every object again, and tells those that are not what their names say: a name is the digest of all
 * that the inode was. Where another tree still has such a file, it takes the place of the damaged one.
 *
 * @module
 */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '../plan/session.ts'
import { type Digest, digestFiles, type Digestible } from './digest.ts'
import { gatherTrees } from './gather.ts'
import type { Index } from './index_file.ts'
import { directoriesOf, withJournal } from './journal.ts'
import { type Lane, makeLane } from './lanes.ts'
import { readMeta } from './meta.ts'
import { isObjectName, objectName, variantName } from './meta_key.ts'
import { markUnfinished } from './record.ts'
import { makeRelinker, type Relink, type Relinker } from './relink.ts'
import { collectStore, damagedName, journalOf, storeTree } from './store.ts'
import type { FileTable } from './table.ts'
import { type FileNode, pathOf } from './tree.ts'
import type { UnifyRequest } from './run.ts'

export interface Damage {
  readonly object: string
  readonly file: FileNode
  /** Whose names are all links to an intact file now. */
  readonly repaired: boolean
}

export interface Verified {
  readonly objects: number
  readonly bytes: number
  readonly damaged: readonly Damage[]
}

export type VerifyRequest = Pick<
  UnifyRequest,
  'trees' | 'store' | 'index' | 'signal' | 'progress'
>

/** Verifies and repairs. The caller holds the lock of unification. */
export async function verifyStore(session: Session, request: VerifyRequest): Promise<Verified> {
  const { store, signal, index } = request
  const lane = makeLane(session)
  try {
    const objects = await readObjects(lane, request)
    const bad = await findDamaged(objects, request)
    const bytes = objects.reduce((sum, { file }) => sum + file.size, 0)
    if (bad.length === 0) return { objects: objects.length, bytes, damaged: [] }
    const trees = request.trees.filter(({ writable }) => !writable)
    const { files } = await gatherTrees([lane], trees, { signal, progress: () => undefined })
    const relinker = makeRelinker([lane], {
      store,
      signal,
    })
    const damaged: Damage[] = []
    try {
      for (const { object, file } of bad) {
        const number = files.ofIno(file.ino)
        const user = number === undefined ? file : files.node(number)
        const good = await findIntact(lane, files, { object, file: user })
        const repaired = good !== undefined &&
          await repair(relinker, { store, object, file: user, good })
        forget(index, user)
        damaged.push({ object, file: user, repaired })
      }
    } finally {
      relinker.close()
    }
    // What was put away is nobody's by now.
    if (damaged.some(({ repaired }) => repaired)) await collectStore(session, store)
    return { objects: objects.length, bytes, damaged }
  } finally {
    await lane.close()
  }
}

/** Nothing is linked to it from now on; and when it was put right, the next run finds that out. */
function forget(index: Index, { ino, names }: FileNode): void {
  index.change(() => {
    index.drop(ino)
    markUnfinished(index)
    for (const id of new Set(names.map(({ tree }) => tree.id))) index.dropTree(id)
  })
}

/** A file, and what its name in the store may have been made of. */
interface Candidate {
  readonly file: FileNode
  /** Metadata keys, with its time and without; none when it is gone. */
  readonly metas: readonly string[]
}

interface StoredFile extends Candidate {
  readonly object: string
}

async function withMetas(lane: Lane, files: readonly FileNode[]): Promise<readonly Candidate[]> {
  const exact = await readMeta(lane, files, { ignoreTimes: false })
  const timeless = await readMeta(lane, files, { ignoreTimes: true })
  return files.map((file, i) => ({
    file,
    metas: [exact[i], timeless[i]].flatMap((meta) => meta ?? []),
  }))
}

async function readObjects(
  lane: Lane,
  { store, signal }: VerifyRequest,
): Promise<readonly StoredFile[]> {
  const { files } = await gatherTrees([lane], [storeTree(store)], {
    signal,
    progress: () => undefined,
  })
  const nodes = [...files.here()].map(files.node)
  return (await withMetas(lane, nodes)).flatMap((one) => {
    const object = one.file.names.map(({ directory, name }) => `${directory}/${name}`)
      .find(isObjectName)
    return object === undefined ? [] : [{ ...one, object }]
  })
}

async function findDamaged(
  objects: readonly StoredFile[],
  { signal, progress }: VerifyRequest,
): Promise<readonly StoredFile[]> {
  const total = objects.reduce((sum, { file: { size } }) => sum + size, 0)
  let done = 0
  const digests = await digestFiles(objects.map(({ file }) => digestible(file)), {
    signal,
    progress(bytes) {
      done += bytes
      progress({ phase: 'read files', done, total, unit: 'bytes' })
    },
  })
  return objects.filter((one, i) => !isNamed(one, { object: one.object, digest: digests[i] }))
}

const digestible = ({ names: [name], size }: FileNode): Digestible => ({
  path: name === undefined ? '' : pathOf(name),
  size,
})

/** Whether a file is what the name of an object says, on whatever terms it got the name. */
function isNamed(
  { metas }: Candidate,
  { object, digest }: { object: string; digest: Digest | undefined },
): boolean {
  return digest instanceof Uint8Array &&
    metas.some((meta) => objectName(digest, meta) === variantName(object, 0))
}

/** Another inode of the trees that is what the name of an object says. */
async function findIntact(
  lane: Lane,
  files: FileTable,
  { object, file }: { object: string; file: FileNode },
): Promise<FileNode | undefined> {
  const { at } = files
  const alike = await withMetas(
    lane,
    [...files.here()].filter((one) => at.size[one] === file.size && at.ino[one] !== file.ino)
      .map(files.node),
  )
  const digests = await digestFiles(alike.map((one) => digestible(one.file)))
  return alike.find((one, i) => isNamed(one, { object, digest: digests[i] }))?.file
}

/** Puts a damaged object away, and has an intact file take its place and its names. */
async function repair(
  relinker: Relinker,
  { store, object, file, good }: {
    store: string
    object: string
    file: FileNode
    good: FileNode
  },
): Promise<boolean> {
  const [from] = good.names
  if (from === undefined) return false
  const path = join(store, object)
  renameSync(path, damagedName(path))
  const item = { object, objectIno: good.ino }
  let repaired = false
  await withJournal(journalOf(store), directoriesOf(file.names), async () => {
    const results = [
      ...await relinker.run([{ ...item, name: from, file: good, action: 'ADOPT' }]),
      ...await relinker.run(
        file.names.map((name): Relink => ({ ...item, name, file, action: 'LINK' })),
      ),
    ]
    repaired = results.every((result) => result === 0)
  })
  return repaired
}
