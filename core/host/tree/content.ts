/**
 * Compiles the copying of file content to ops: inside the kernel, or by writing bytes that the plan
 * carries.
 *
 * @module
 */
import {
  AT_EMPTY_PATH,
  O_CLOEXEC,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  SEEK_SET,
  STATX_BASIC_STATS,
} from '../../linux/constants.ts'
import { statxBuffer } from '../../linux/structs.ts'
import { type Arg, bytes, part, text } from '../../plan/program.ts'
import type { Piece, Stamp } from './entry.ts'
import { nameOf, toBytes } from './names.ts'
import type { Ops } from './ops.ts'
import { file, source, treeSlot } from './slots.ts'
import type { Spot } from './emit.ts'

/**
 * How bytes get from one file to another. `range` (copy_file_range): both lie on one file system, which
 * shares the blocks if it can. `send` (sendfile): anywhere, always a copy.
 */
export type CopyWay = 'range' | 'send'

/** Opens a file of the origin for reading. A FIFO in its place must not block, a link not lead away. */
export function emitOpenTwin(program: Ops, { directory, path }: Spot): void {
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC
  program.call('openat', [directory, text(toBytes(nameOf(path))), flags, 0], {
    out: treeSlot.SOURCE,
  })
}

export interface CopyRun {
  /** Descriptor that is read. */
  readonly input: Arg
  /** Offsets in bytes; undefined: where the descriptor stands. */
  readonly from: number | undefined
  readonly at: number | undefined
  readonly length: number
  readonly way: CopyWay
}

/** Copies a run into the FILE slot. A source that ends early is an error (EIO). */
export function emitCopy(program: Ops, { input, from, at, length, way }: CopyRun): void {
  if (from !== undefined) program.call('lseek', [input, from, SEEK_SET])
  if (at !== undefined) program.call('lseek', [file, at, SEEK_SET])
  if (way === 'range') program.call('copy_file_range', [input, 0, file, 0, length, 0], { whole: 4 })
  else program.call('sendfile', [file, input, 0, length], { whole: 3 })
}

/** Writes bytes; `at` undefined: where the file stands. */
export function emitWrite(
  program: Ops,
  { at, bytes: data }: { at: number | undefined; bytes: Piece['bytes'] },
): void {
  if (at !== undefined) program.call('lseek', [file, at, SEEK_SET])
  program.call('write', [file, bytes(data, 1), data.length], { whole: 2 })
}

/** Ends a file with a hole. */
export function emitSize(program: Ops, size: number): void {
  program.call('ftruncate', [file, size])
}

const ino = statxBuffer.at('stx_ino')
const size = statxBuffer.at('stx_size')
const seconds = statxBuffer.at('stx_ctime.tv_sec')
const nanoseconds = statxBuffer.at('stx_ctime.tv_nsec')
const first = ino.offset
const STAMP_BYTES = nanoseconds.offset + nanoseconds.width - first
// Each plan has one of these cells, which all its files use in turn.
const statx = bytes(statxBuffer.size)
const stampPart = part(statx, { offset: first, length: STAMP_BYTES })
const nothing = text('')

/** Reports which version of the origin's file was read, and closes it. {@link readStamp} reads it. */
export function emitStamp(program: Ops): void {
  program.call('statx', [source, nothing, AT_EMPTY_PATH, STATX_BASIC_STATS, statx])
  program.emit('REPORT', [stampPart, STAMP_BYTES])
  program.call('close', [source])
}

/** The stamp at the start of reported bytes, and the bytes after it. Pure. */
export function readStamp(reported: Uint8Array): { stamp: Stamp; rest: Uint8Array } {
  const view = new DataView(reported.buffer, reported.byteOffset, reported.byteLength)
  const ctime = view.getBigInt64(seconds.offset - first, true)
  return {
    stamp: {
      ino: view.getBigUint64(ino.offset - first, true),
      size: view.getBigUint64(size.offset - first, true),
      ctimeNs: ctime * 1_000_000_000n + BigInt(view.getUint32(nanoseconds.offset - first, true)),
    },
    rest: reported.subarray(STAMP_BYTES),
  }
}
