/**
 * Guests on disk. A guest is there when `guests/NAME` is: everything is made under another name first,
 * and removed under another name last, so that rename(2) is the only moment of change.
 *
 * @module
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { errors, guestUnknown } from '../errors.ts'
import { guestDir, layerDir, type Root, templateDir } from '../host/root.ts'
import type { IdRange } from '../host/ids.ts'
import { uniqueSuffix } from '../host/unique.ts'
import type { Session } from '../plan/session.ts'
import { isCode, readNames, readText, syncParent, writeNew, writeWhole } from './files.ts'
import { notedHostname } from './host_name.ts'
import { encodeMeta, type Meta, parseMeta } from './meta.ts'
import { namePattern } from './name.ts'
import { sweep } from './sweep.ts'
import { syncAll } from './sync.ts'

/** A guest's directory, read. */
export interface StoredGuest {
  readonly name: string
  readonly dir: string
  readonly meta: Meta
  /** Text of guest.yaml. */
  readonly text: string
  readonly file: string
}

/** Names of all guests, sorted bytewise. */
export function listGuests(root: Root): readonly string[] {
  return readNames(join(root.lib, 'guests')).filter((name) => namePattern.test(name))
}

/** Whether there is a guest of this name. */
export function guestExists(root: Root, name: string): boolean {
  return lstatSync(guestDir(root, name), { throwIfNoEntry: false })?.isDirectory() === true
}

/**
 * Reads a guest.
 *
 * @param verb for the message
 * @throws {VServerError} E_GUEST_UNKNOWN, E_FORMAT
 */
export function readGuest(root: Root, { name, verb }: { name: string; verb: string }): StoredGuest {
  const dir = guestDir(root, name)
  const file = join(dir, 'guest.yaml')
  const meta = namePattern.test(name) ? readText(join(dir, 'meta.json')) : undefined
  if (meta === undefined && !(namePattern.test(name) && guestExists(root, name))) {
    throw guestUnknown(verb, name)
  }
  const text = readText(file)
  if (meta === undefined || text === undefined) {
    const missing = text === undefined ? file : join(dir, 'meta.json')
    throw errors.E_FORMAT(`Cannot ${verb} "${name}": "${missing}" is missing`, {
      hint: 'restore it from a backup, or destroy the guest',
    })
  }
  return { name, dir, meta: parseMeta(join(dir, 'meta.json'), meta), text, file }
}

/** Absolute directories that a guest's root is laid over, top first. */
export function lowerDirs(root: Root, meta: Meta): readonly string[] {
  return [...meta.layers.map((id) => layerDir(root, id)), templateDir(root, meta.template)]
}

/**
 * Where a move of files out of a guest's writable layer is written down while it is under way. While this
 * file is there, no start is replayed.
 */
export function pendingMove(dir: string): string {
  return join(dir, 'move.json')
}

/** Replaces a guest's record, which is the moment of change. The caller holds its lock. */
export function writeRecord({ dir }: StoredGuest, meta: Meta): void {
  const record = join(dir, 'meta.json')
  writeWhole(record, encodeMeta(meta), { sync: true })
  syncParent(record)
}

/** A guest that was made, but has no place yet. */
export interface StagedGuest {
  readonly name: string
  readonly path: string
  /** What has to be on the disk before it gets its place, which {@link commitGuest} sees to. */
  readonly written: string[]
}

/** Makes everything of a new guest but its record, under a name that no guest can have. */
export function stageGuest(root: Root, name: string, { yaml }: { yaml: string }): StagedGuest {
  const path = join(root.lib, 'guests', `.new-${name}-${uniqueSuffix()}`)
  mkdirSync(path, { mode: 0o700 })
  // The upper directory is the guest's root directory: everybody inside may search it.
  mkdirSync(join(path, 'upper'))
  chmodSync(join(path, 'upper'), 0o755)
  mkdirSync(join(path, 'work'), { mode: 0o700 })
  const staged: StagedGuest = { name, path, written: [] }
  writeStaged(staged, join(path, 'guest.yaml'), yaml)
  return staged
}

/** Writes a file of a guest that has no place yet. */
export function writeStaged({ written }: StagedGuest, path: string, text: string): void {
  writeNew(path, text)
  written.push(path)
}

/**
 * Gives a staged guest a host name of its own, where its template names one: init would take that of the
 * machine that the template was made on. Nothing inside has run yet, and nothing of the tree is followed.
 */
export function stageHostname(
  staged: StagedGuest,
  { template, hostname }: { template: string; hostname: string },
): void {
  if (lstatSync(join(template, 'etc/hostname'), { throwIfNoEntry: false }) === undefined) return
  const etc = lstatSync(join(template, 'etc'))
  const directory = join(staged.path, 'upper/etc')
  mkdirSync(directory)
  chownSync(directory, etc.uid, etc.gid)
  chmodSync(directory, etc.mode & 0o7777)
  const file = join(directory, 'hostname')
  writeStaged(staged, file, `${hostname}\n`)
  chmodSync(file, 0o644)
  writeStaged(staged, notedHostname(staged.path), `${hostname}\n`)
}

/**
 * Gives a staged guest its record and its place.
 *
 * @throws {VServerError} E_EXISTS when the place is taken
 */
export async function commitGuest(
  session: Session,
  staged: StagedGuest,
  { root, ...record }: {
    root: Root
    template: string
    ids: IdRange
    layers?: readonly string[]
    from?: string | undefined
  },
): Promise<void> {
  const meta: Meta = {
    template: record.template,
    layers: record.layers ?? [],
    ids: { first: record.ids.first, count: record.ids.count },
    ...(record.from === undefined ? {} : { from: record.from }),
    createdAt: new Date().toISOString(),
    snapshots: [],
  }
  writeStaged(staged, join(staged.path, 'meta.json'), encodeMeta(meta))
  // Not every file system writes the names in a directory because the directory has got a name.
  const upper = join(staged.path, 'upper')
  // Nothing else is opened: there may be devices and pipes.
  const inside = readNames(upper).map((name) => join(upper, name))
    .filter((path) => lstatSync(path).isDirectory())
  const directories = [...inside, upper, staged.path]
  await syncAll(session, [...staged.written, ...directories])
  const place = guestDir(root, staged.name)
  try {
    renameSync(staged.path, place)
  } catch (error) {
    if (isCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw guestThere(staged.name)
    throw error
  }
  syncParent(place)
}

/** The error of making a guest under a name that is taken. Pure. */
export function guestThere(name: string) {
  return errors.E_EXISTS(`Cannot create "${name}": there is a guest of this name`, {
    hint: `choose another name, or vserver destroy ${name} first`,
  })
}

/** Takes a guest's directory out of sight; {@link sweep} removes it then. */
export function retireGuest(root: Root, name: string): string {
  const gone = join(root.lib, 'guests', `.gone-${name}-${uniqueSuffix()}`)
  renameSync(guestDir(root, name), gone)
  syncParent(gone)
  return gone
}

/** What crashed creates and destroys of one guest left; the caller holds the guest's lock. */
export async function sweepLeftovers(session: Session, root: Root, name: string): Promise<void> {
  const guests = join(root.lib, 'guests')
  for (const entry of readNames(guests)) {
    if (leftoverOf(entry) === name) await sweep(session, join(guests, entry))
  }
}

/** Names of guests of which something is left over. */
export function namesWithLeftovers(root: Root): readonly string[] {
  const names = readNames(join(root.lib, 'guests')).flatMap((entry) => leftoverOf(entry) ?? [])
  return [...new Set(names)]
}

/** The guest that an entry of `guests` is left over from. Pure. */
export function leftoverOf(entry: string): string | undefined {
  const match = /^\.(?:new|gone)-([a-z0-9][a-z0-9-]{0,62})-[0-9a-f]{12}$/.exec(entry)
  return match?.[1]
}
