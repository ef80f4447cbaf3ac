/**
 * What the executor's LIST op answers, decoded. Pure.
 *
 * @module
 */
import type { ByteString } from '../host/tree/names.ts'
import * as k from '../linux/constants.ts'
import { layout } from '../plan/abi.ts'
import { offsetOf, sizeOf } from '../plan/layout.ts'

/** What statx(2) says of an entry, and for a regular file its inode flags (FS_IOC_GETFLAGS). */
export interface Listed {
  readonly name: ByteString
  readonly ino: number
  /** Bytes. */
  readonly size: number
  /** Of 512 bytes. */
  readonly blocks: number
  /** Seconds and nanoseconds since 1970. */
  readonly mtimeSec: number
  readonly mtimeNsec: number
  readonly ctimeSec: number
  readonly ctimeNsec: number
  readonly uid: number
  readonly gid: number
  readonly nlink: number
  /** Type and permissions. */
  readonly mode: number
  readonly flags: number
  /** Number of a device: its major and 32 bits of minor; absent for everything else. */
  readonly rdev?: number
  /** Length of the list of xattr names. */
  readonly xattrBytes: number
  /** Why the entry could not be looked at, 0 otherwise. */
  readonly error: number
}

export interface ListedDirectory {
  /** Why it could not be listed, 0 otherwise. */
  readonly error: number
  readonly entries: readonly Listed[]
  /** Where the next directory's answer begins. */
  readonly next: number
}

const HEAD_BYTES = sizeOf(layout.list_head)
const NAME_AT = sizeOf(layout.list_entry)
const head = {
  error: offsetOf(layout.list_head, 'error'),
  count: offsetOf(layout.list_head, 'count'),
  bytes: offsetOf(layout.list_head, 'bytes'),
} as const
const field = {
  ino: offsetOf(layout.list_entry, 'ino'),
  size: offsetOf(layout.list_entry, 'size'),
  blocks: offsetOf(layout.list_entry, 'blocks'),
  mtimeSec: offsetOf(layout.list_entry, 'mtime_sec'),
  ctimeSec: offsetOf(layout.list_entry, 'ctime_sec'),
  mtimeNsec: offsetOf(layout.list_entry, 'mtime_nsec'),
  ctimeNsec: offsetOf(layout.list_entry, 'ctime_nsec'),
  uid: offsetOf(layout.list_entry, 'uid'),
  gid: offsetOf(layout.list_entry, 'gid'),
  nlink: offsetOf(layout.list_entry, 'nlink'),
  mode: offsetOf(layout.list_entry, 'mode'),
  flags: offsetOf(layout.list_entry, 'flags'),
  rdevMajor: offsetOf(layout.list_entry, 'rdev_major'),
  rdevMinor: offsetOf(layout.list_entry, 'rdev_minor'),
  xattrBytes: offsetOf(layout.list_entry, 'xattr_bytes'),
  error: offsetOf(layout.list_entry, 'error'),
  nameBytes: offsetOf(layout.list_entry, 'name_bytes'),
  recordBytes: offsetOf(layout.list_entry, 'record_bytes'),
} as const

/** Decodes the answer for one directory, which begins at `place`. */
export function decodeDirectory(answer: Buffer, place: number): ListedDirectory {
  const error = answer.readUInt32LE(place + head.error)
  const count = answer.readUInt32LE(place + head.count)
  const next = place + HEAD_BYTES + answer.readUInt32LE(place + head.bytes)
  const entries: Listed[] = []
  let at = place + HEAD_BYTES
  for (let i = 0; i < count; i++) {
    entries.push(decodeEntry(answer, at))
    at += answer.readUInt16LE(at + field.recordBytes)
  }
  return { error, entries, next }
}

function decodeEntry(answer: Buffer, at: number): Listed {
  const wide = (offset: number) =>
    answer.readUInt32LE(at + offset) + answer.readUInt32LE(at + offset + 4) * 0x1_0000_0000
  const signed = (offset: number) =>
    answer.readUInt32LE(at + offset) + answer.readInt32LE(at + offset + 4) * 0x1_0000_0000
  const word = (offset: number) => answer.readUInt32LE(at + offset)
  const name = at + NAME_AT
  const mode = word(field.mode)
  const type = mode & k.S_IFMT
  const isDevice = type === k.S_IFCHR || type === k.S_IFBLK
  return {
    name: answer.toString('latin1', name, name + answer.readUInt16LE(at + field.nameBytes)),
    ino: wide(field.ino),
    size: wide(field.size),
    blocks: wide(field.blocks),
    mtimeSec: signed(field.mtimeSec),
    mtimeNsec: word(field.mtimeNsec),
    ctimeSec: signed(field.ctimeSec),
    ctimeNsec: word(field.ctimeNsec),
    uid: word(field.uid),
    gid: word(field.gid),
    nlink: word(field.nlink),
    mode,
    flags: word(field.flags),
    xattrBytes: word(field.xattrBytes),
    error: word(field.error),
    ...(isDevice
      ? { rdev: word(field.rdevMajor) * 0x1_0000_0000 + word(field.rdevMinor) }
      : undefined),
  }
}
