/**
 * What the executor's LIST op answers, decoded. Pure.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import type { ByteString } from '../host/tree/names.ts'
import * as k from '../linux/constants.ts'
import { layout } from '../plan/abi.ts'
import { offsetOf, sizeOf } from '../plan/layout.ts'

/** What statx(2) says of an entry. */
export interface Stat {
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
}

export interface Listed extends Stat {
  readonly name: ByteString
  /** Number of a device: its major and 32 bits of minor; absent for everything else. */
  readonly rdev?: number
  /** Why the entry could not be looked at, 0 otherwise. */
  readonly error: number
}

/** An entry that is read in its place: another one after the next call. */
export interface ListedRecord extends Stat {
  readonly error: number
  readonly rdev: number
  /** Bytes of the name: from `nameStart` up to `nameEnd`. */
  readonly bytes: Uint8Array
  readonly nameStart: number
  readonly nameEnd: number
}

const HEAD_BYTES = sizeOf(layout.list_head)
const NAME_AT = sizeOf(layout.list_entry)
const head = {
  error: offsetOf(layout.list_head, 'error'),
  count: offsetOf(layout.list_head, 'count'),
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
  rdevMajor: offsetOf(layout.list_entry, 'rdev_major'),
  rdevMinor: offsetOf(layout.list_entry, 'rdev_minor'),
  error: offsetOf(layout.list_entry, 'error'),
  nameBytes: offsetOf(layout.list_entry, 'name_bytes'),
  recordBytes: offsetOf(layout.list_entry, 'record_bytes'),
} as const

const WORD = 0x1_0000_0000

/** An answer of several LIST ops, read from its start on. */
export interface ListReader {
  /** Begins with the next directory. @returns why it could not be listed, 0 otherwise */
  next(): number
  /** Gives its entries, each in the same object. */
  each(visit: (entry: ListedRecord) => void): void
}

/** Reads an answer. */
export function listReader(bytes: Uint8Array): ListReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = (at: number) => view.getUint32(at, true)
  const wide = (at: number) => word(at) + word(at + 4) * WORD
  const signed = (at: number) => word(at) + view.getInt32(at + 4, true) * WORD
  const entry = { ...none, bytes }
  let at = 0
  let count = 0
  return {
    next() {
      const error = word(at + head.error)
      count = word(at + head.count)
      at += HEAD_BYTES
      return error
    },
    each(visit) {
      for (; count > 0; count--) {
        entry.error = word(at + field.error)
        entry.ino = wide(at + field.ino)
        entry.size = wide(at + field.size)
        entry.blocks = wide(at + field.blocks)
        entry.mtimeSec = signed(at + field.mtimeSec)
        entry.mtimeNsec = word(at + field.mtimeNsec)
        entry.ctimeSec = signed(at + field.ctimeSec)
        entry.ctimeNsec = word(at + field.ctimeNsec)
        entry.uid = word(at + field.uid)
        entry.gid = word(at + field.gid)
        entry.nlink = word(at + field.nlink)
        entry.mode = word(at + field.mode)
        entry.rdev = word(at + field.rdevMajor) * WORD + word(at + field.rdevMinor)
        entry.nameStart = at + NAME_AT
        entry.nameEnd = entry.nameStart + view.getUint16(at + field.nameBytes, true)
        at += view.getUint16(at + field.recordBytes, true)
        visit(entry)
      }
    },
  }
}

const none = {
  ...{ ino: 0, size: 0, blocks: 0, mtimeSec: 0, mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0 },
  ...{ uid: 0, gid: 0, nlink: 0, mode: 0, error: 0, rdev: 0, nameStart: 0, nameEnd: 0 },
}

/** The name of an entry. */
export function nameOf({ bytes, nameStart, nameEnd }: ListedRecord): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset).toString('latin1', nameStart, nameEnd)
}

/** An entry that stays. */
export function toListed(entry: ListedRecord): Listed {
  const { ino, size, blocks, mtimeSec, mtimeNsec, ctimeSec, ctimeNsec } = entry
  const { uid, gid, nlink, mode, error, rdev } = entry
  const type = mode & k.S_IFMT
  const isDevice = type === k.S_IFCHR || type === k.S_IFBLK
  return {
    name: nameOf(entry),
    ...{
      ino,
      size,
      blocks,
      mtimeSec,
      mtimeNsec,
      ctimeSec,
      ctimeNsec,
      uid,
      gid,
      nlink,
      mode,
      error,
    },
    ...(isDevice ? { rdev } : undefined),
  }
}
