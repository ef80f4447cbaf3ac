/**
 * Which inode stays, of equal ones. Pure.
 *
 * @module
 */
import type { Known } from './match.ts'
import { objectName, variantName, variantOf } from './meta_key.ts'
import type { FileStamp, Relink } from './relink.ts'
import type { FileNode, Name } from './tree.ts'

/** Files that are equal in every way. */
export interface EqualFiles {
  readonly files: readonly FileNode[]
  readonly known: readonly Known[]
  /** SHA-256. */
  readonly content: Uint8Array
  /** See `meta_key.ts`. */
  readonly meta: string
  readonly basic: string
}

/** An inode that gives way, and the names that it has. */
export interface Giving {
  readonly file: FileStamp & {
    readonly blocks: number
    readonly nlink: number
    readonly cached: number
  }
  readonly names: readonly Name[]
  /** Its name in the store, where it has one. */
  readonly object: string | undefined
}

export interface Choice {
  /** Name in the store of the one that stays. */
  readonly object: string
  readonly stays: FileStamp & { readonly blocks: number }
  /** All names of it, unless it is in the store already. */
  readonly adopt: Name | undefined
  readonly give: readonly Giving[]
  readonly equal: EqualFiles
}

/**
 * Chooses: what is in the store already, else what takes the fewest blocks and then has the most names. What
 * is in the store under another number of its name has as many names as an inode can have: it is left alone.
 */
export function choose(equal: EqualFiles): Choice {
  const all: readonly Giving[] = [
    ...equal.files.map((file): Giving => ({ file, names: file.names, object: file.object })),
    ...equal.known.map(fromKnown),
  ]
  const stored = all.filter(({ object }) => object !== undefined)
    .toSorted((a, b) => variantOf(b.object ?? '') - variantOf(a.object ?? ''))
  const [stays = best(all)] = stored
  const object = stays.object ?? variantName(objectName(equal.content, equal.meta), 0)
  return {
    object,
    stays: stays.file,
    adopt: stays.object === undefined ? stays.names[0] : undefined,
    give: all.filter((one) => one !== stays && !isVariant(one.object, object)),
    equal,
  }
}

const isVariant = (object: string | undefined, of: string) =>
  object !== undefined && variantName(object, 0) === variantName(of, 0)

function fromKnown({ row, names, cached }: Known): Giving {
  const object = row.object ?? undefined
  return { file: { ...row, nlink: names.length, cached }, names, object }
}

function best(all: readonly Giving[]): Giving {
  const [first] = all.toSorted((a, b) =>
    a.file.blocks - b.file.blocks || b.names.length - a.names.length
  )
  if (first === undefined) throw new RangeError('nothing to choose from')
  return first
}

/** What makes the one that stays an object. */
export function adoption({ adopt, stays, object }: Choice): readonly Relink[] {
  if (adopt === undefined) return []
  return [{ name: adopt, file: stays, action: 'ADOPT', object, objectIno: 0 }]
}

/** What makes the names of all others links to it. */
export function links({ give, stays, object }: Choice): readonly Relink[] {
  return give.flatMap(({ file, names }) =>
    names.map((name): Relink => ({ name, file, action: 'LINK', object, objectIno: stays.ino }))
  )
}
