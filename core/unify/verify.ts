/**
 * Reads every object again, and tells those that are not what their names say: a name is the digest of all
 * that the inode was. Where another tree still has such a file, it takes the place of the damaged one.
 *
 * @module
 */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '../plan/session.ts'
import { type Digest, digestFiles } from './digest.ts'
import { gatherTrees, readMeta } from './gather.ts'
import type { Index } from './index_file.ts'
import { makeJournal } from './journal.ts'
import { isObjectName, objectName, variantName } from './meta_key.ts'
import { markUnfinished } from './record.ts'
import { openRelinker, type Relink, type Relinker } from './relink.ts'
import { collectStore, damagedName, journalOf, stagingName, storeTree } from './store.ts'
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
  'trees' | 'store' | 'index' | 'ignoreTimes' | 'signal' | 'progress'
>

/** Verifies and repairs. The caller holds the lock of unification. */
export async function verifyStore(session: Session, request: VerifyRequest): Promise<Verified> {
  const { store, signal, ignoreTimes } = request
  const objects = await readObjects(session, request)
  const bad = await findDamaged(session, objects, request)
  const bytes = objects.reduce((sum, { size }) => sum + size, 0)
  if (bad.length === 0) return { objects: objects.length, bytes, damaged: [] }
  const trees = request.trees.filter(({ writable }) => !writable)
  const gathered = await gatherTrees(session, trees, { signal, progress: () => undefined })
  const { files } = gathered
  await readMeta(session, gathered, { ignoreTimes })
  const relinker = await openRelinker(session, {
    store,
    staging: stagingName(),
    journal: makeJournal(journalOf(store)),
    signal,
  })
  try {
    const damaged: Damage[] = []
    for (const { object, file } of bad) {
      const user = files.get(file.ino) ?? file
      const good = await findIntact(session, files, { object, file: user })
      const repaired = good !== undefined &&
        await repair(relinker, { store, object, file: user, good })
      forget(request.index, user)
      damaged.push({ object, file: user, repaired })
    }
    // What was put away is nobody's by now.
    if (damaged.some(({ repaired }) => repaired)) await collectStore(session, store)
    return { objects: objects.length, bytes, damaged }
  } finally {
    await relinker.close()
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

async function readObjects(
  session: Session,
  { store, signal, ignoreTimes }: VerifyRequest,
): Promise<readonly FileNode[]> {
  const gathered = await gatherTrees(session, [storeTree(store)], {
    signal,
    progress: () => undefined,
  })
  await readMeta(session, gathered, { ignoreTimes })
  return [...gathered.files.values()].filter(({ names: [name] }) =>
    name !== undefined && isObjectName(`${name.directory}/${name.name}`)
  )
}

async function findDamaged(
  session: Session,
  objects: readonly FileNode[],
  { signal, progress }: VerifyRequest,
): Promise<readonly { readonly object: string; readonly file: FileNode }[]> {
  const total = objects.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  const items = objects.flatMap((file) => {
    const [name] = file.names
    return name === undefined ? [] : [{
      file,
      object: `${name.directory}/${name.name}`,
      path: pathOf(name),
      size: file.size,
    }]
  })
  const digests = await digestFiles(items, {
    signal,
    progress(bytes) {
      done += bytes
      progress({ phase: 'read files', done, total, unit: 'bytes' })
    },
  })
  const bad: { object: string; file: FileNode }[] = []
  for (const [i, item] of items.entries()) {
    if (!await isNamed(session, { ...item, digest: digests[i] })) bad.push(item)
  }
  return bad
}

/** Whether a file is what the name of an object says, on whatever terms it got the name. */
async function isNamed(
  session: Session,
  { object, file, digest }: { object: string; file: FileNode; digest: Digest | undefined },
): Promise<boolean> {
  if (!(digest instanceof Uint8Array)) return false
  const isIt = () => objectName(digest, file.meta) === variantName(object, 0)
  if (isIt()) return true
  const { meta } = file
  for (const ignoreTimes of [false, true]) {
    await readMeta(session, { files: new Map([[file.ino, file]]) }, { ignoreTimes })
    if (isIt()) return true
  }
  file.meta = meta
  return false
}

/** Another inode of the trees that is what the name of an object says. */
async function findIntact(
  session: Session,
  files: ReadonlyMap<number, FileNode>,
  { object, file }: { object: string; file: FileNode },
): Promise<FileNode | undefined> {
  const alike = [...files.values()].filter(({ ino, size, meta }) =>
    ino !== file.ino && size === file.size && meta === file.meta
  )
  const digests = await digestFiles(alike.map(({ names: [name], size }) => ({
    path: name === undefined ? '' : pathOf(name),
    size,
  })))
  for (const [i, file] of alike.entries()) {
    if (await isNamed(session, { object, file, digest: digests[i] })) return file
  }
  return undefined
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
  const results = await relinker.run([
    { ...item, name: from, file: good, action: 'ADOPT' },
    ...file.names.map((name): Relink => ({ ...item, name, file, action: 'LINK' })),
  ])
  return results.every((result) => result === 0)
}
