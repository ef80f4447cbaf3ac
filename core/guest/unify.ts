/**
 * Unification of everything below a root: which trees there are, whose they are, and what is left alone.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { guestDir, layerDir, type Root, templateDir } from '../host/root.ts'
import { rootOf, type Tree } from '../unify/tree.ts'
import { isCode, readNames } from './files.ts'
import { listGuests, readGuest, type StoredGuest } from './store.ts'
import type { StorePlace, Stores } from './stores.ts'

export interface GuestTrees {
  /** The trees that are shared through each store. */
  readonly groups: readonly { readonly place: StorePlace; readonly trees: readonly Tree[] }[]
  /** Names of guests by the ids of the trees that they read from. */
  readonly users: ReadonlyMap<string, readonly string[]>
}

export interface TreesRequest {
  readonly stores: Stores
  /** Paths inside every guest that are left alone. */
  readonly excludes: readonly string[]
  /** The guest's own, beside these. */
  readonly excludesOf: (guest: StoredGuest) => readonly string[]
  /** Guests whose writable layers are looked at; those that run are not among them. */
  readonly stopped: readonly string[]
}

/**
 * Every tree of guests; not those where nothing can be linked. What guests share is left alone where one of
 * them wants it to be.
 */
export function listTrees(root: Root, request: TreesRequest): GuestTrees {
  const users = new Map<string, string[]>()
  const excludes = new Map<string, string[]>()
  const writable: Tree[] = []
  for (const name of listGuests(root)) {
    const guest = readOrSkip(root, name)
    if (guest === undefined) continue
    const own = request.excludesOf(guest)
    const ids = [
      `templates/${guest.meta.template}`,
      ...guest.meta.layers.map((id) => `layers/${id}`),
      `guests/${name}/upper`,
    ]
    for (const id of ids) {
      users.set(id, [...users.get(id) ?? [], name])
      // A template is everybody's: only what holds for all guests holds for it.
      if (!id.startsWith('templates/')) excludes.set(id, [...excludes.get(id) ?? [], ...own])
    }
    if (!request.stopped.includes(name)) continue
    writable.push({
      id: `guests/${name}/upper`,
      path: join(guestDir(root, name), 'upper'),
      writable: true,
      excludes: [...request.excludes, ...own],
    })
  }
  const sealed = (kind: 'templates' | 'layers', place: (root: Root, id: string) => string) =>
    readNames(join(root.lib, kind)).filter((id) => !id.startsWith('.')).map((id): Tree => ({
      id: `${kind}/${id}`,
      path: place(root, id),
      writable: false,
      excludes: [...request.excludes, ...new Set(excludes.get(`${kind}/${id}`))],
    }))
  const trees = [...sealed('templates', templateDir), ...sealed('layers', layerDir), ...writable]
    .flatMap((tree) => {
      const found = lstatSync(tree.path, { bigint: true, throwIfNoEntry: false })
      return found === undefined ? [] : [{ ...tree, root: rootOf(found) }]
    })
  // What is shared leaves a writable layer for a new one in there.
  const layers = request.stores.placeOf(join(root.lib, 'layers'))
  const placeOf = ({ path, writable }: Tree) => {
    const place = request.stores.placeOf(path)
    return writable && place !== layers ? undefined : place
  }
  const groups = request.stores.places.map((place) => ({
    place,
    trees: trees.filter((tree) => placeOf(tree) === place),
  }))
  return { groups, users }
}

/** The name of the guest whose writable layer a tree is. Pure. */
export function guestOf({ id }: Tree): string {
  return id.split('/')[1] ?? ''
}

/** A guest that was destroyed just now, or whose record is damaged, shares nothing. */
function readOrSkip(root: Root, name: string): StoredGuest | undefined {
  try {
    return readGuest(root, { name, verb: 'unify' })
  } catch (error) {
    if (isCode(error, 'E_GUEST_UNKNOWN', 'E_FORMAT')) return undefined
    throw error
  }
}
