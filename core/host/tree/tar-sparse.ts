/**
 * Sparse files of GNU tar: which runs of a file an archive holds. Four formats: the old GNU header,
 * and versions 0.0, 0.1 and 1.0 in pax headers. Pure.
 *
 * @module
 * @see GNU tar manual, "Storing Sparse Files"
 */
import type { Buffer } from 'node:buffer'
import type { Extent } from './entry.ts'
import type { ByteString } from './names.ts'
import { MemberFault } from './fault.ts'
import { number } from './tar-header.ts'
import { paxNumber, type PaxRecord } from './tar-pax.ts'

/** More runs than any real file has; each costs memory. */
export const MAX_EXTENTS = 1 << 18

/** The file's size, and whether an extension block follows. */
export interface OldSparse {
  readonly extents: readonly Extent[]
  readonly size: number
  readonly extended: boolean
}

/** The four runs and the real size in an old GNU header (type `S`). */
export function oldSparseHeader(block: Buffer): OldSparse {
  return {
    extents: oldExtents(block, { at: 386, count: 4 }),
    size: number(block, { at: 483, length: 12, what: 'real size' }),
    extended: block[482] === 1,
  }
}

/** The 21 runs of an extension block. */
export function oldSparseExtension(block: Buffer): Omit<OldSparse, 'size'> {
  return { extents: oldExtents(block, { at: 0, count: 21 }), extended: block[504] === 1 }
}

function oldExtents(block: Buffer, { at, count }: { at: number; count: number }): Extent[] {
  const extents: Extent[] = []
  for (let i = 0; i < count; i++) {
    const start = at + i * 24
    if (block[start] === 0) break
    extents.push({
      at: number(block, { at: start, length: 12, what: 'sparse map' }),
      length: number(block, { at: start + 12, length: 12, what: 'sparse map' }),
    })
  }
  return extents
}

/** Versions 0.0 (one record a number, in order) and 0.1 (`GNU.sparse.map`); undefined for others. */
export function paxSparseMap(records: readonly PaxRecord[]): readonly Extent[] | undefined {
  const map = records.findLast((record) => record.key === 'GNU.sparse.map')
  if (map !== undefined) {
    return pairs(map.value.toString('latin1').split(',').filter((word) => word !== ''))
  }
  const numbers = records.filter(({ key }) =>
    key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes'
  )
  if (numbers.length === 0) return undefined
  for (const [index, { key }] of numbers.entries()) {
    if ((key === 'GNU.sparse.offset') !== (index % 2 === 0)) {
      throw new MemberFault('its sparse map is damaged')
    }
  }
  return pairs(numbers.map(({ value }) => value.toString('latin1')))
}

/** Turns `offset, length, offset, length…` into runs. */
export function pairs(words: readonly ByteString[]): readonly Extent[] {
  if (words.length % 2 !== 0) throw new MemberFault('its sparse map is damaged')
  const extents: Extent[] = []
  for (let i = 0; i < words.length; i += 2) {
    extents.push({
      at: paxNumber(words[i] ?? '', 'sparse map'),
      length: paxNumber(words[i + 1] ?? '', 'sparse map'),
    })
  }
  return extents
}

/**
 * Checks a map against the file's size and the bytes stored, and drops empty runs.
 *
 * @throws {MemberFault} when runs overlap, run backwards, leave the file, or do not add up to `stored`
 */
export function checkExtents(
  extents: readonly Extent[],
  { size, stored }: { size: number; stored: number },
): readonly Extent[] {
  if (extents.length > MAX_EXTENTS) {
    throw new MemberFault(`its sparse map has over ${MAX_EXTENTS} runs`)
  }
  let end = 0
  let sum = 0
  for (const { at, length } of extents) {
    if (at < end || length < 0 || at + length > size) {
      throw new MemberFault('its sparse map leaves the file or overlaps')
    }
    end = at + length
    sum += length
  }
  if (sum !== stored) throw new MemberFault('its sparse map does not fit the data stored')
  return extents.filter(({ length }) => length > 0)
}
