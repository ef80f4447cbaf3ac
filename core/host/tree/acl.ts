/**
 * POSIX ACLs: from the text that archives hold to the kernel's binary xattr. Pure.
 *
 * @module
 * @see include/uapi/linux/posix_acl_xattr.h; acl(5)
 */
import { MemberFault } from './fault.ts'
import { type ByteString, showName } from './names.ts'

const VERSION = 2
const NO_ID = 0xffffffff
const tag = {
  user: [0x01, 0x02],
  group: [0x04, 0x08],
  mask: [0x10, 0x10],
  other: [0x20, 0x20],
} as const

/** An ACL as archives hold it, for the xattr of this name. */
export interface TextAcl {
  readonly xattr: 'system.posix_acl_access' | 'system.posix_acl_default'
  readonly text: ByteString
}

/** Numbers of names, as in /etc/passwd and /etc/group. */
export interface Ids {
  readonly user: ReadonlyMap<ByteString, number>
  readonly group: ReadonlyMap<ByteString, number>
}

type Kind = keyof typeof tag

interface AclRow {
  readonly kind: Kind
  /** Empty for the owner, the owning group, mask and other. */
  readonly who: ByteString
  readonly permissions: number
}

/** Whether an ACL names users or groups by names. Pure. */
export function hasNames(text: ByteString): boolean {
  return rowsOf(text).some(({ who }) => who !== '' && !isNumber(who))
}

/**
 * Turns `user::rwx,user:1000:r-x,group:adm:r-x,mask::rwx,other::---` into the value of the xattr. star's
 * fourth field, the number beside a name, is taken where it is there.
 *
 * @throws {MemberFault} when a row is malformed, or a name has no number
 */
export function encodeAcl(text: ByteString, ids: Ids): Uint8Array {
  const rows = rowsOf(text).map(({ kind, who, permissions }) => ({
    tag: tag[kind][who === '' ? 0 : 1],
    permissions,
    id: who === '' ? NO_ID : isNumber(who) ? Number(who) : idOf(kind, who, ids),
  })).sort((a, b) => a.tag - b.tag || a.id - b.id)
  const bytes = new Uint8Array(4 + rows.length * 8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, VERSION, true)
  for (const [index, row] of rows.entries()) {
    view.setUint16(4 + index * 8, row.tag, true)
    view.setUint16(6 + index * 8, row.permissions, true)
    view.setUint32(8 + index * 8, row.id, true)
  }
  return bytes
}

/** Names and numbers of a file like /etc/passwd or /etc/group. Lines that are none are left out. Pure. */
export function parseIds(file: ByteString): ReadonlyMap<ByteString, number> {
  const rows = file.split('\n').map((line) => line.split(':'))
  return new Map(
    rows.flatMap(([name = '', , id = '']) =>
      name !== '' && isNumber(id) ? [[name, Number(id)]] : []
    ),
  )
}

function isNumber(text: ByteString): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) < NO_ID
}

function idOf(kind: Kind, who: ByteString, ids: Ids): number {
  const id = kind === 'user' ? ids.user.get(who) : ids.group.get(who)
  if (id !== undefined) return id
  const file = kind === 'user' ? 'passwd' : 'group'
  throw new MemberFault(
    `its ACL names the ${kind} "${showName(who)}", who is not in its own /etc/${file}`,
  )
}

function rowsOf(text: ByteString): readonly AclRow[] {
  return text.split(/[,\n]/).map((row) => row.replace(/#.*/, '').trim()).filter((row) => row !== '')
    .map(parseRow)
}

function parseRow(row: ByteString): AclRow {
  const [word = '', who = '', letters = '', number] = row.split(':')
  const kind = ({ u: 'user', g: 'group', m: 'mask', o: 'other' })[word] ?? word
  if (!isKind(kind) || !/^[r-][w-][xX-]/.test(letters)) {
    throw new MemberFault(`its ACL is damaged: "${showName(row)}"`)
  }
  const permissions = (letters[0] === 'r' ? 4 : 0) | (letters[1] === 'w' ? 2 : 0) |
    (letters[2] === '-' ? 0 : 1)
  return { kind, who: who === '' ? '' : number ?? who, permissions }
}

function isKind(word: string): word is Kind {
  return Object.hasOwn(tag, word)
}
