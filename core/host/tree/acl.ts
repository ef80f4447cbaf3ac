/**
 * POSIX ACLs: from the text that archives hold to the kernel's binary xattr. Pure.
 *
 * @module
 * @see include/uapi/linux/posix_acl_xattr.h; acl(5)
 */
import { MemberFault } from './fault.ts'

const VERSION = 2
const NO_ID = 0xffffffff
const tag = {
  user: [0x01, 0x02],
  group: [0x04, 0x08],
  mask: [0x10, 0x10],
  other: [0x20, 0x20],
} as const

interface AclRow {
  readonly tag: number
  readonly permissions: number
  readonly id: number
}

/**
 * Turns `user::rwx,user:1000:r-x,group::r-x,mask::rwx,other::---` into the value of
 * `system.posix_acl_access`. star's fourth field, the number beside a name, is taken where it is there.
 *
 * @throws {MemberFault} when a row is malformed, or names a user or group without its number
 */
export function parseAcl(text: string): Uint8Array {
  const rows = text.split(/[,\n]/).map((row) => row.replace(/#.*/, '').trim()).filter((row) => row !== '')
  const sorted = rows.map(parseRow).sort((a, b) => a.tag - b.tag || a.id - b.id)
  const bytes = new Uint8Array(4 + sorted.length * 8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, VERSION, true)
  for (const [index, row] of sorted.entries()) {
    view.setUint16(4 + index * 8, row.tag, true)
    view.setUint16(6 + index * 8, row.permissions, true)
    view.setUint32(8 + index * 8, row.id, true)
  }
  return bytes
}

function parseRow(row: string): AclRow {
  const [kind = '', who = '', letters = '', number] = row.split(':')
  const name = ({ u: 'user', g: 'group', m: 'mask', o: 'other' })[kind] ?? kind
  if (!isKind(name) || !/^[r-][w-][xX-]/.test(letters)) throw new MemberFault(`its ACL is damaged: "${row}"`)
  const permissions = (letters[0] === 'r' ? 4 : 0) | (letters[1] === 'w' ? 2 : 0) |
    (letters[2] === '-' ? 0 : 1)
  if (who === '') return { tag: tag[name][0], permissions, id: NO_ID }
  const digits = number ?? who
  if (!/^[0-9]{1,10}$/.test(digits)) {
    throw new MemberFault(`its ACL names "${who}", not a number (make it with tar --numeric-owner)`)
  }
  return { tag: tag[name][1], permissions, id: Number(digits) }
}

function isKind(name: string): name is keyof typeof tag {
  return Object.hasOwn(tag, name)
}
