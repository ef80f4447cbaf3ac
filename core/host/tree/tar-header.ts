/**
 * The 512-byte header block of a tar archive: ustar, GNU and the old form without magic. Pure.
 *
 * @module
 * @see pubs.opengroup.org, "pax", "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"
 */
import type { Buffer } from 'node:buffer'
import { MemberFault } from './fault.ts'
import type { ByteString } from './names.ts'

export const BLOCK = 512

export interface Header {
  readonly name: ByteString
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  /** Whole seconds since 1970; may be negative. */
  readonly mtime: number
  /** One character; old archives have NUL for a file. */
  readonly type: string
  readonly link: ByteString
  readonly major: number
  readonly minor: number
  /** GNU archives keep sparse maps where ustar has the prefix. */
  readonly gnu: boolean
}

/** A NUL-terminated or full text field. */
export function field(block: Buffer, at: number, length: number): ByteString {
  const end = block.indexOf(0, at)
  return block.toString('latin1', at, end < 0 || end > at + length ? at + length : end)
}

/**
 * A number: octal digits between blanks and NULs, or base 256 when the top bit is set (GNU).
 *
 * @param what names the field in messages
 * @throws {MemberFault} for anything else, and for numbers over 2^53
 */
export function number(block: Buffer, range: { at: number; length: number; what: string }): number {
  const { at, length, what } = range
  const first = block[at] ?? 0
  if ((first & 0x80) !== 0) {
    const negative = (first & 0x40) !== 0
    let value = BigInt(negative ? first - 0x100 : first & 0x7f)
    for (let i = at + 1; i < at + length; i++) value = (value << 8n) | BigInt(block[i] ?? 0)
    const result = Number(value)
    if (!Number.isSafeInteger(result)) throw new MemberFault(`its ${what} is too large`)
    return result
  }
  const text = block.toString('latin1', at, at + length).replace(/^[ \0]+|[ \0][^]*$/g, '')
  if (!/^[0-7]*$/.test(text)) throw new MemberFault(`its ${what} is not a number`)
  const value = text === '' ? 0 : Number.parseInt(text, 8)
  if (!Number.isSafeInteger(value)) throw new MemberFault(`its ${what} is too large`)
  return value
}

/** Whether a block is nothing but NULs: two of them end an archive. */
export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0)
}

/** Whether the checksum is right; some old writers summed signed bytes. */
export function checksumFits(block: Buffer): boolean {
  const text = field(block, 148, 8).trim()
  if (!/^[0-7]+$/.test(text)) return false
  const stated = Number.parseInt(text, 8)
  const sum = (value: (byte: number) => number) => {
    let total = 8 * 0x20
    for (let i = 0; i < 148; i++) total += value(block[i] ?? 0)
    for (let i = 156; i < BLOCK; i++) total += value(block[i] ?? 0)
    return total
  }
  return stated === sum((byte) => byte) || stated === sum((byte) => byte < 128 ? byte : byte - 256)
}

function natural(block: Buffer, range: { at: number; length: number; what: string }): number {
  const value = number(block, range)
  if (value < 0) throw new MemberFault(`its ${range.what} is negative`)
  return value
}

/** @throws {MemberFault} on fields that are no numbers, or negative where they must not be */
export function parseHeader(block: Buffer): Header {
  const magic = block.toString('latin1', 257, 265)
  const ustar = magic.startsWith('ustar\0')
  const gnu = magic === 'ustar  \0'
  const name = field(block, 0, 100)
  const prefix = ustar ? field(block, 345, 155) : ''
  const device = ustar || gnu
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: natural(block, { at: 100, length: 8, what: 'mode' }) & 0o7777,
    uid: natural(block, { at: 108, length: 8, what: 'owner' }),
    gid: natural(block, { at: 116, length: 8, what: 'group' }),
    size: natural(block, { at: 124, length: 12, what: 'size' }),
    mtime: number(block, { at: 136, length: 12, what: 'time' }),
    type: block.toString('latin1', 156, 157),
    link: field(block, 157, 100),
    major: device ? natural(block, { at: 329, length: 8, what: 'device number' }) : 0,
    minor: device ? natural(block, { at: 337, length: 8, what: 'device number' }) : 0,
    gnu,
  }
}
