/**
 * Snapshots: states of a guest that are kept under names, in its record. The rename of that record is the
 * moment of every change; layers that it names, also in a snapshot, stay.
 *
 * @module
 */
import { chmodSync, chownSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { errors } from '../errors.ts'
import { layerDir, type Root, templateDir } from '../host/root.ts'
import { uniqueSuffix } from '../host/unique.ts'
import type { Session } from '../plan/session.ts'
import { syncParent } from './files.ts'
import { dropLayers, type Patience } from './layers.ts'
import type { Meta, Snapshot } from './meta.ts'
import { patternProblem } from './name.ts'
import { exchange, sealGuest } from './seal.ts'
import { readGuest, type StoredGuest, writeRecord } from './store.ts'
import { sweep } from './sweep.ts'
import { makeDirectoryLike } from './upper.ts'

/** @throws {VServerError} E_NAME when no snapshot can have this name */
export function checkSnapshotName(verb: string, name: string): void {
  const problem = patternProblem(name)
  if (problem === undefined) return
  throw errors.E_NAME(`Cannot ${verb} ${JSON.stringify(name.slice(0, 80))}: ${problem}`, {
    hint: 'use a name such as before-upgrade',
    details: { name },
  })
}

/**
 * @param verb the words before the name in the message
 * @throws {VServerError} E_SNAPSHOT when the guest has none of this name
 */
export function findSnapshot(
  { name: guest, meta }: StoredGuest,
  { name, verb }: { name: string; verb: string },
): Snapshot {
  const found = meta.snapshots.find((one) => one.name === name)
  if (found !== undefined) return found
  throw errors.E_SNAPSHOT(`Cannot ${verb} "${guest}@${name}": there is no such snapshot`, {
    hint: `vserver snapshots ${guest} shows them`,
  })
}

/** @throws {VServerError} E_EXISTS when the guest has a snapshot of this name */
export function checkSnapshotFree({ name: guest, meta }: StoredGuest, name: string): void {
  if (!meta.snapshots.some((one) => one.name === name)) return
  throw errors.E_EXISTS(`Cannot create "${guest}@${name}": there is a snapshot of this name`, {
    hint: `choose another name, or vserver snapshots ${guest} --delete ${name} first`,
  })
}

export interface SnapshotRequest {
  readonly root: Root
  /** The caller holds its lock. */
  readonly guest: StoredGuest
  /** Of the snapshot. */
  readonly name: string
  readonly patience: Patience
}

/** The record of a guest's state as it is now. */
export function stateNow(
  { dir }: StoredGuest,
  { name, layers, automatic = false }: {
    name: string
    layers: readonly string[]
    automatic?: boolean
  },
): Snapshot {
  const { uid, gid, mode } = lstatSync(join(dir, 'upper'))
  const root = { uid, gid, mode: mode & 0o7777 }
  return { name, createdAt: new Date().toISOString(), layers, root, automatic }
}

/**
 * Keeps the state of a stopped guest, which seals what it has written.
 *
 * @throws {VServerError} E_EXISTS, E_IN_USE, E_LAYERS
 */
export async function createSnapshot(
  session: Session,
  { root, guest, name, patience }: SnapshotRequest,
): Promise<Snapshot> {
  checkSnapshotFree(guest, name)
  const layers = await sealGuest(session, { root, guest, patience })
  const { meta } = readGuest(root, { name: guest.name, verb: patience.verb })
  const made = stateNow(guest, { name, layers })
  writeRecord(guest, { ...meta, snapshots: [...meta.snapshots, made] })
  return made
}

/** Forgets a snapshot, and removes the layers that only it named. */
export async function deleteSnapshot(
  session: Session,
  { root, guest, name, patience }: SnapshotRequest,
): Promise<void> {
  const { meta } = guest
  findSnapshot(guest, { name, verb: 'delete' })
  const snapshots = meta.snapshots.filter((one) => one.name !== name)
  const write = () => writeRecord(guest, { ...meta, snapshots })
  await dropLayers(session, root, { patience, write })
}

/**
 * Brings a stopped guest back to a snapshot. What it has changed since then, and no other snapshot holds,
 * is kept as an automatic snapshot.
 *
 * @returns the automatic snapshot, if there was anything to keep
 * @throws {VServerError} E_SNAPSHOT, E_IN_USE, E_LAYERS
 */
export async function rollBack(
  session: Session,
  { root, guest, name, patience }: SnapshotRequest,
): Promise<Snapshot | undefined> {
  const snapshot = findSnapshot(guest, { name, verb: 'roll back to' })
  const layers = await sealGuest(session, { root, guest, patience })
  const { meta } = readGuest(root, { name: guest.name, verb: patience.verb })
  const kept = meta.snapshots.some((one) => sameLayers(one.layers, layers))
  const automatic = kept
    ? undefined
    : stateNow(guest, { name: automaticName(meta), layers, automatic: true })
  // Should we die, the next command removes it by its name.
  const fresh = join(root.lib, 'guests', `.new-${guest.name}-${uniqueSuffix()}`)
  try {
    await makeUpper(session, { path: fresh, root, meta, snapshot })
    const snapshots = automatic === undefined ? meta.snapshots : [...meta.snapshots, automatic]
    const write = () => writeRecord(guest, { ...meta, layers: snapshot.layers, snapshots })
    await dropLayers(session, root, { patience, write })
    // Killed before this, the guest has its files back, but "/" the look that it had last.
    const upper = join(guest.dir, 'upper')
    await exchange(session, { upper, layer: fresh })
    syncParent(upper)
  } finally {
    await sweep(session, fresh)
  }
  return automatic
}

/** Makes a fresh writable directory that looks as "/" did in a snapshot. */
export async function makeUpper(
  session: Session,
  { path, root, meta, snapshot }: {
    path: string
    root: Root
    meta: Pick<Meta, 'template'>
    snapshot: Snapshot
  },
): Promise<void> {
  const [top] = snapshot.layers
  const like = top === undefined ? templateDir(root, meta.template) : layerDir(root, top)
  await makeDirectoryLike(session, { path, like })
  const { uid, gid, mode } = snapshot.root
  chownSync(path, uid, gid)
  chmodSync(path, mode)
}

function sameLayers(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index])
}

/** `auto-20260131-235959`, in UTC. */
function automaticName({ snapshots }: Meta): string {
  const digits = new Date().toISOString().replaceAll(/\D/g, '')
  const base = `auto-${digits.slice(0, 8)}-${digits.slice(8, 14)}`
  const taken = new Set(snapshots.map(({ name }) => name))
  let name = base
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`
  return name
}
