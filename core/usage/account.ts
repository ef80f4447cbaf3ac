/**
 * Whose the space is. Pure.
 *
 * Every inode is counted once, in exactly one of these ways:
 * - one guest has all its names, in what goes when the guest is destroyed: it is exclusive;
 * - else, where guests use it, each of these has an equal part, also when it is one guest and a template,
 *   for templates stay;
 * - else, places that no guest uses have equal parts of it; the store only what nothing else has.
 *
 * @module
 */
import type { Amount, Portion } from './ledger.ts'

/** A place that space is counted for. */
export interface Place {
  /** Names of the guests that read from it. */
  readonly users: readonly string[]
  /** It goes with the last guest that uses it. */
  readonly passing: boolean
  /** A name in the store is no use. */
  readonly store: boolean
}

export interface GuestAccount {
  /** What would be free if only this guest were destroyed. */
  readonly exclusive: Amount
  /** All else that it uses, undivided. */
  readonly shared: Amount
  /** Its part of that. */
  readonly share: Amount
}

export interface Accounts {
  readonly guests: ReadonlyMap<string, GuestAccount>
  /** By the number of the place: what no guest uses. */
  readonly places: ReadonlyMap<number, Amount>
  /** All of it, each inode once: the sum of everything exclusive, all shares and all places. */
  readonly total: Amount
}

interface Sum {
  bytes: number
  inodes: number
}

/** Divides everything among guests and places. */
export function account(places: readonly Place[], portions: readonly Portion[]): Accounts {
  const names = [...new Set(places.flatMap(({ users }) => users))].toSorted()
  const guests = new Map(names.map((name) => [name, {
    exclusive: zero(),
    shared: zero(),
    share: zero(),
  }]))
  const unused = new Map<number, Sum>()
  const total = zero()
  const divided = new Map<string, Sum & { readonly of: readonly (string | number)[] }>()
  for (const portion of portions) {
    addTo(total, portion)
    const real = portion.places.filter((place) => places[place]?.store !== true)
    const users = [...new Set(real.flatMap((place) => places[place]?.users ?? []))].toSorted()
    const [only] = users
    if (users.length === 1 && only !== undefined && real.every((p) => goesWith(places[p]))) {
      addTo(guests.get(only)?.exclusive ?? zero(), portion)
      continue
    }
    for (const name of users) addTo(guests.get(name)?.shared ?? zero(), portion)
    const of = users.length > 0 ? users : real.length > 0 ? real : portion.places.slice(0, 1)
    const key = `${typeof of[0]} ${of.join()}`
    const sum = divided.get(key)
    if (sum === undefined) divided.set(key, { bytes: portion.bytes, inodes: portion.inodes, of })
    else addTo(sum, portion)
  }
  for (const { of, bytes, inodes } of divided.values()) {
    of.forEach((one, index) => {
      const part = {
        bytes: partOf(bytes, of.length, index),
        inodes: partOf(inodes, of.length, index),
      }
      if (typeof one === 'string') addTo(guests.get(one)?.share ?? zero(), part)
      else {
        const sum = unused.get(one) ?? zero()
        addTo(sum, part)
        unused.set(one, sum)
      }
    })
  }
  return { guests, places: unused, total }
}

/** Whether destroying the one guest that uses a place removes it. */
function goesWith(place: Place | undefined): boolean {
  return place?.passing === true && place.users.length === 1
}

/** An equal part in whole numbers: the first ones are larger by one where it does not come out even. */
export function partOf(amount: number, count: number, index: number): number {
  return Math.floor(amount / count) + (index < amount % count ? 1 : 0)
}

function zero(): Sum {
  return { bytes: 0, inodes: 0 }
}

function addTo(sum: Sum, { bytes, inodes }: Amount): void {
  sum.bytes += bytes
  sum.inodes += inodes
}
