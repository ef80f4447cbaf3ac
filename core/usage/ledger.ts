/**
 * Who has names of which inodes. Pure.
 *
 * A place is a directory tree that space is counted for: a template, a layer, what a guest wrote, the store.
 * Each inode counts in every place that has a name of it, once; most have one name, and are only added up.
 *
 * @module
 */
import type { Listed } from '../unify/listed.ts'
import * as k from '../linux/constants.ts'

/** Space on disk: blocks of 512 bytes, as bytes. */
export interface Amount {
  readonly bytes: number
  readonly inodes: number
}

/** An inode that has, or may have, several names. */
export interface Linked {
  readonly bytes: number
  /** Numbers of the places that have names of it, each once. */
  readonly places: number[]
}

/** What exactly these places have names of. */
export interface Portion extends Amount {
  readonly places: readonly number[]
}

/** What a ledger wants to know of an entry. */
export type Counted = Pick<Listed, 'ino' | 'blocks' | 'nlink' | 'mode'>

export interface Ledger {
  /** Counts an entry. @returns the inode, when it may have other names */
  add(entry: Counted, at: { readonly place: number; readonly dev: number }): Linked | undefined
  portions(): readonly Portion[]
}

/** An empty ledger. */
export function makeLedger(): Ledger {
  const alone = new Map<number, { bytes: number; inodes: number }>()
  // Numbers of inodes are the file system's own.
  const linked = new Map<number, Map<number, Linked>>()
  return {
    add({ ino, blocks, nlink, mode }, { place, dev }) {
      const bytes = 512 * blocks
      if (nlink <= 1 || (mode & k.S_IFMT) === k.S_IFDIR) {
        const sum = alone.get(place) ?? { bytes: 0, inodes: 0 }
        sum.bytes += bytes
        sum.inodes++
        alone.set(place, sum)
        return undefined
      }
      let inodes = linked.get(dev)
      if (inodes === undefined) linked.set(dev, inodes = new Map())
      let one = inodes.get(ino)
      if (one === undefined) inodes.set(ino, one = { bytes, places: [] })
      // Places are listed one after the other.
      if (one.places.at(-1) !== place) one.places.push(place)
      return one
    },
    portions: () => [
      ...[...alone].map(([place, sum]) => ({ places: [place], ...sum })),
      ...portionsOf([...linked.values()].flatMap((inodes) => [...inodes.values()])),
    ],
  }
}

function portionsOf(inodes: readonly Linked[]): readonly Portion[] {
  const portions = new Map<string, { places: readonly number[]; bytes: number; inodes: number }>()
  for (const { bytes, places } of inodes) {
    const key = places.join()
    const sum = portions.get(key)
    if (sum === undefined) portions.set(key, { places, bytes, inodes: 1 })
    else {
      sum.bytes += bytes
      sum.inodes++
    }
  }
  return [...portions.values()]
}
