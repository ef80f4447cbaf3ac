/**
 * The store: one inode for each distinct content with its metadata, `store/ab/cdef…`. What has no other name
 * any more is garbage.
 *
 * @module
 */
import { existsSync, lstatSync, readdirSync, rmSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectories } from '../host/make_directory.ts'
import type { Session } from '../plan/session.ts'
import { listTree } from './listing.ts'
import type { Tree } from './tree.ts'

export interface StoredObject {
  readonly ino: number
  readonly object: string
  readonly nlink: number
  /** Of 512 bytes. */
  readonly blocks: number
}

const STAGING = '.staging-'

/** Makes the store with its directories. They are root's: nobody else may search them. */
export function prepareStore(store: string): void {
  makeDirectories(store, 0o700)
  if (lstatSync(join(store, 'ff'), { throwIfNoEntry: false }) !== undefined) return
  for (let i = 0; i < 256; i++) {
    makeDirectories(join(store, i.toString(16).padStart(2, '0')), 0o700)
  }
}

/**
 * A directory for links that are not in their place yet, in the store.
 *
 * @param lane each executor has its own: the kernel lets only one at a time give a directory names
 */
export function stagingName(lane: number): string {
  return `${STAGING}${process.pid}-${lane}`
}

/** Where a run writes down what it is about to change. */
export function journalOf(store: string): string {
  return join(store, '.journal')
}

/** Removes what is staged of runs that died; the caller holds the lock of unification. */
export function sweepStaging(store: string): void {
  for (const name of readdirSync(store)) {
    if (name.startsWith(STAGING)) rmSync(join(store, name), { force: true, recursive: true })
  }
}

/** The name that a damaged object is put away under, beside its own. */
export function damagedName(object: string): string {
  return `${object}.damaged`
}

/** The store as a tree like others. Pure. */
export function storeTree(store: string): Tree {
  return { id: 'store', path: store, writable: false, excludes: [] }
}

/** Everything in the store; nothing where there is none. */
export async function listObjects(
  session: Session,
  store: string,
): Promise<readonly StoredObject[]> {
  const objects: StoredObject[] = []
  if (!existsSync(store)) return objects
  await listTree(session, { root: store }, ({ path, entries }) => {
    if (path === '') return
    for (const { ino, name, nlink, blocks } of entries) {
      objects.push({ ino, object: `${path}/${name}`, nlink, blocks })
    }
  })
  return objects
}

export interface Collected {
  readonly objects: readonly StoredObject[]
  readonly bytes: number
  /** Inode numbers of all other objects. */
  readonly kept: ReadonlySet<number>
}

/**
 * Removes objects that no tree has a name of any more. Beside nothing else that gives objects names: the
 * caller holds the lock of unification.
 */
export async function collectStore(session: Session, store: string): Promise<Collected> {
  const all = await listObjects(session, store)
  const garbage = all.filter(({ nlink }) => nlink === 1)
  for (const { object } of garbage) unlinkSync(join(store, object))
  return {
    objects: garbage,
    bytes: garbage.reduce((sum, { blocks }) => sum + blocks * 512, 0),
    kept: new Set(all.filter(({ nlink }) => nlink !== 1).map(({ ino }) => ino)),
  }
}
