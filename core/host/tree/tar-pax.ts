/**
 * Extended headers of pax archives. Values are bytes: names and xattrs need not be UTF-8. Pure.
 *
 * @module
 * @see pubs.opengroup.org, "pax", "pax Extended Header"
 */
import { Buffer } from 'node:buffer'
import { encodeAcl, hasNames, type TextAcl } from './acl.ts'
import type { Xattr } from './entry.ts'
import { isKeptXattr } from './kept-xattr.ts'
import type { ByteString } from './names.ts'
import { MemberFault } from './fault.ts'

/** One record; `value` may hold any bytes. */
export interface PaxRecord {
  readonly key: ByteString
  readonly value: Buffer
}

/**
 * Parses `LENGTH KEY=VALUE\n…`.
 *
 * @throws {MemberFault} when a length does not fit its record
 */
export function parsePax(data: Buffer): readonly PaxRecord[] {
  const records: PaxRecord[] = []
  for (let at = 0; at < data.length;) {
    // Some writers pad with NULs up to the block's end.
    if (data[at] === 0) break
    const space = data.indexOf(0x20, at)
    const digits = space < 0 || space - at > 10 ? '' : data.toString('latin1', at, space)
    const length = /^[0-9]+$/.test(digits) ? Number.parseInt(digits, 10) : 0
    const end = at + length
    const equals = data.indexOf(0x3d, space)
    if (
      length === 0 || end > data.length || data[end - 1] !== 0x0a || equals < 0 || equals >= end
    ) {
      throw new MemberFault('its extended header is damaged')
    }
    records.push({
      key: data.toString('latin1', space + 1, equals),
      value: data.subarray(equals + 1, end - 1),
    })
    at = end
  }
  return records
}

/** A whole number of at most 2^53. @throws {MemberFault} */
export function paxNumber(value: ByteString, what: string): number {
  const result = /^[0-9]{1,16}$/.test(value) ? Number.parseInt(value, 10) : NaN
  if (Number.isSafeInteger(result)) return result
  throw new MemberFault(
    value.startsWith('-') ? `its ${what} is negative` : `its ${what} is not a number`,
  )
}

/** Seconds with a fraction, as nanoseconds; digits beyond the ninth are cut off downwards. */
export function paxTimeNs(value: ByteString): bigint {
  const match = /^(-?)([0-9]{1,12})(?:\.([0-9]*))?$/.exec(value)
  if (match === null) throw new MemberFault('its time is not a number')
  const [, sign, seconds = '', fraction = ''] = match
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? -ns : ns
}

/** xattrs, and ACLs whose names have no numbers yet. */
export interface PaxAttributes {
  readonly xattrs: readonly Xattr[]
  readonly acls: readonly TextAcl[]
}

const nobody = { user: new Map(), group: new Map() }

/**
 * The xattrs and ACLs among the records: `SCHILY.xattr.*` (GNU tar, star, Go), `LIBARCHIVE.xattr.*`
 * (bsdtar; name and value encoded), `SCHILY.acl.*` (text). Others, `RHT.security.selinux` among them,
 * are left out. A binary ACL wins over a text.
 *
 * @throws {MemberFault} for an ACL that is damaged
 */
export function paxXattrs(records: ReadonlyMap<ByteString, Buffer>): PaxAttributes {
  const found = new Map<ByteString, Uint8Array>()
  for (const [key, value] of records) {
    if (key.startsWith('LIBARCHIVE.xattr.')) {
      const name = percentDecode(key.slice('LIBARCHIVE.xattr.'.length))
      found.set(name, Buffer.from(value.toString('latin1'), 'base64'))
    }
  }
  for (const [key, value] of records) {
    if (key.startsWith('SCHILY.xattr.')) found.set(key.slice('SCHILY.xattr.'.length), value)
  }
  const acls: TextAcl[] = []
  for (const kind of ['access', 'default'] as const) {
    const xattr = `system.posix_acl_${kind}` as const
    const text = records.get(`SCHILY.acl.${kind}`)?.toString('latin1')
    if (text === undefined || found.has(xattr)) continue
    if (hasNames(text)) acls.push({ xattr, text })
    else found.set(xattr, encodeAcl(text, nobody))
  }
  const kept = [...found].filter(([name]) => isKeptXattr(name))
  return { xattrs: kept.map(([name, value]) => ({ name, value })), acls }
}

function percentDecode(text: ByteString): ByteString {
  return text.replace(
    /%([0-9A-Fa-f]{2})/g,
    (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)),
  )
}
