/**
 * Archives that the kernel unpacks as its first file system: cpio, "new ASCII" format. Pure.
 *
 * @module
 * @see Documentation/driver-api/early-userspace/buffer-format.rst
 */
import { Buffer } from 'node:buffer'

export interface Member {
  /** Without a slash at its beginning; its directories are members before it. */
  readonly path: string
  /** With the type: 0o040755 a directory, 0o100755 a program. */
  readonly mode: number
  readonly content?: Uint8Array
}

const hex = (value: number) => value.toString(16).padStart(8, '0')
const padding = (length: number) => Buffer.alloc((4 - length % 4) % 4)

function encodeMember({ path, mode, content = new Uint8Array() }: Member, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`)
  const links = 1
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0]
  const head = Buffer.from(`070701${fields.map(hex).join('')}`)
  return Buffer.concat([
    head,
    name,
    padding(head.length + name.length),
    content,
    padding(content.length),
  ])
}

/** The archive; owner is root and every time 0, so that equal members give equal bytes. */
export function encodeCpio(members: readonly Member[]): Buffer {
  const parts = members.map((member, index) => encodeMember(member, index + 1))
  return Buffer.concat([...parts, encodeMember({ path: 'TRAILER!!!', mode: 0 }, 0)])
}
