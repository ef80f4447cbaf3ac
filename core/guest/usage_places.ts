/**
 * The places below `var/lib/vserver` that space is counted for, and which guests use them.
 *
 * @module
 */
import { join } from 'node:path'
import { guestDir, type Root } from '../host/root.ts'
import type { Place } from '../usage/account.ts'
import { isCode, readNames } from './files.ts'
import { namedLayers } from './meta.ts'
import { namePattern } from './name.ts'
import { readGuest, type StoredGuest } from './store.ts'
import { existingStores } from './stores.ts'

export type PlaceKind =
  /** What a guest wrote, and what else it alone has. */
  | 'guest'
  | 'template'
  | 'layer'
  /** What commands that died, or are under way, left of any of these. */
  | 'leftover'
  /** Objects of the store that no tree has a name of. */
  | 'garbage'
  /** The store's directories. */
  | 'store'
  | 'cache'
  | 'runtime'
  /** All else: the index, and directories. */
  | 'other'

export interface UsagePlace extends Place {
  readonly kind: PlaceKind
  /** Of the guest, or its id. */
  readonly name: string | undefined
  /** Absolute. Objects that are garbage lie in the store, and are found there. */
  readonly path: string | undefined
  /** Below it, what other places are. */
  readonly without: readonly string[]
  /** Below it, directories whose contents are other places. */
  readonly closed: readonly string[]
}

export interface UsagePlaces {
  readonly places: readonly UsagePlace[]
  /** The numbers of the places that the root of a guest is laid over, top first. */
  readonly stacks: ReadonlyMap<string, readonly number[]>
}

/** Finds all places. A guest without a readable record uses what is its own. */
export function findPlaces(root: Root): UsagePlaces {
  const { lib } = root
  const entries = readNames(join(lib, 'guests'))
  const guests = entries.filter((name) => namePattern.test(name))
  const records = new Map(guests.map((name) => [name, readOrSkip(root, name)]))
  const usersOf = new Map<string, string[]>()
  for (const [name, guest] of records) {
    for (const id of guest === undefined ? [] : usedBy(guest)) {
      usersOf.set(id, [...usersOf.get(id) ?? [], name])
    }
  }
  const stores = existingStores(root).map(({ store }) => store)
  const storeAt = (path: string): UsagePlace => ({ ...plain('store', path), store: true })
  const sealed = (kind: 'template' | 'layer') =>
    readNames(join(lib, `${kind}s`)).map((name): UsagePlace => {
      if (stores.includes(join(lib, `${kind}s`, name))) return storeAt(join(lib, `${kind}s`, name))
      const users = usersOf.get(`${kind}s/${name}`) ?? []
      const made = plain(name.startsWith('.') ? 'leftover' : kind, join(lib, `${kind}s`, name))
      return { ...made, name, users, passing: kind === 'layer' }
    })
  const ofGuest = (name: string, path: string): UsagePlace => ({
    ...{ ...plain('guest', path), name },
    ...{ users: [name], passing: true },
  })
  const ofEntry = (name: string): UsagePlace => {
    const path = guestDir(root, name)
    if (!records.has(name)) return { ...plain('leftover', path), name }
    return { ...ofGuest(name, path), without: ['upper'] }
  }
  const places: readonly UsagePlace[] = [
    ...sealed('template'),
    ...sealed('layer'),
    ...entries.map(ofEntry),
    ...guests.map((name) => ofGuest(name, join(guestDir(root, name), 'upper'))),
    storeAt(join(lib, 'store')),
    { ...plain('garbage', undefined), store: true },
    plain('cache', join(lib, 'cache')),
    plain('runtime', join(lib, 'runtime')),
    {
      ...plain('other', lib),
      without: ['store', 'cache', 'runtime'],
      closed: ['templates', 'layers', 'guests'],
    },
  ]
  const numbers = new Map(places.map(({ path }, number) => [path, number]))
  const stacks = new Map(guests.map((name) => {
    const guest = records.get(name)
    const below = guest === undefined ? [] : treesOf(guest).map((id) => join(lib, id))
    const all = [join(guestDir(root, name), 'upper'), ...below]
    return [name, all.flatMap((path) => numbers.get(path) ?? [])]
  }))
  return { places, stacks }
}

function plain(kind: PlaceKind, path: string | undefined): UsagePlace {
  return {
    ...{ kind, name: undefined, path, without: [], closed: [] },
    ...{ users: [], passing: false, store: false },
  }
}

/** What a guest keeps: also what only its snapshots have. */
function usedBy({ meta }: StoredGuest): ReadonlySet<string> {
  return new Set([
    `templates/${meta.template}`,
    ...[...namedLayers(meta)].map((id) => `layers/${id}`),
  ])
}

/** What a guest's root is laid over, below `var/lib/vserver`, the topmost first. */
function treesOf({ meta }: StoredGuest): readonly string[] {
  return [...meta.layers.map((id) => `layers/${id}`), `templates/${meta.template}`]
}

function readOrSkip(root: Root, name: string): StoredGuest | undefined {
  try {
    return readGuest(root, { name, verb: 'du' })
  } catch (error) {
    if (isCode(error, 'E_GUEST_UNKNOWN', 'E_FORMAT')) return undefined
    throw error
  }
}
