/**
 * The headers before a member that describe it: pax records, GNU long names. One member's view of
 * them. Pure.
 *
 * @module
 */
import type { Buffer } from 'node:buffer'
import type { TextAcl } from './acl.ts'
import type { Xattr } from './entry.ts'
import { MemberFault } from './fault.ts'
import type { ByteString } from './names.ts'
import type { Header } from './tar-header.ts'
import { paxNumber, type PaxRecord, paxTimeNs, paxXattrs } from './tar-pax.ts'

/** What was read before a member's own header. */
export interface Prelude {
  readonly global: readonly PaxRecord[]
  readonly local: readonly PaxRecord[]
  readonly longName: ByteString | undefined
  readonly longLink: ByteString | undefined
}

/** A member's header with everything before it applied. */
export interface Member {
  readonly name: ByteString
  readonly link: ByteString
  /** Bytes that the archive stores for it. */
  readonly size: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  readonly xattrs: readonly Xattr[]
  readonly acls: readonly TextAcl[]
  readonly header: Header
  /** All records, for the sparse formats. */
  readonly records: readonly PaxRecord[]
  readonly pax: ReadonlyMap<ByteString, Buffer>
}

/** Ids above belong to nobody: 2^32 - 1 is "unchanged" for the kernel. */
const MAX_ID = 0xfffffffe

/** @throws {MemberFault} on numbers that are none, and ids that no kernel has */
export function applyPrelude(header: Header, prelude: Prelude): Member {
  const records = [...prelude.global, ...prelude.local]
  const pax = new Map<ByteString, Buffer>()
  for (const { key, value } of records) {
    // An empty value takes back what an earlier header said.
    if (value.length === 0 && !key.includes('xattr.')) pax.delete(key)
    else pax.set(key, value)
  }
  const said = (key: string) => pax.get(key)?.toString('latin1')
  const count = (key: string, what: string, otherwise: number) => {
    const value = said(key)
    return value === undefined ? otherwise : paxNumber(value, what)
  }
  const id = (key: string, what: string, otherwise: number) => {
    const value = count(key, what, otherwise)
    if (value > MAX_ID) throw new MemberFault(`its ${what} is too large`)
    return value
  }
  const mtime = said('mtime')
  return {
    name: said('GNU.sparse.name') ?? said('path') ?? prelude.longName ?? header.name,
    link: said('linkpath') ?? prelude.longLink ?? header.link,
    size: count('size', 'size', header.size),
    uid: id('uid', 'owner', header.uid),
    gid: id('gid', 'group', header.gid),
    mtimeNs: mtime === undefined ? BigInt(header.mtime) * 1_000_000_000n : paxTimeNs(mtime),
    ...paxXattrs(pax),
    header,
    records,
    pax,
  }
}
