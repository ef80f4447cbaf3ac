/**
 * Reading an archive's bytes in order, from a file that can be skipped through or from a stream.
 *
 * @module
 */
import { readSync } from 'node:fs'
import { Buffer } from 'node:buffer'
import { MemberFault } from './fault.ts'

const TRUNCATED = 'the archive ends in the middle of it'

export interface ByteSource {
  /** How many bytes were read or skipped. */
  readonly position: number
  /** Whether `position` is an offset in a file that others can read, too. */
  readonly seekable: boolean
  /** The next `length` bytes; fewer only where the source ends. */
  read(length: number): Promise<Buffer>
  /** @throws {MemberFault} when the source ends before */
  skip(length: number): Promise<void>
  /** The next `length` bytes in pieces. @throws {MemberFault} when the source ends before */
  pieces(length: number): AsyncIterable<Buffer>
}

/** Reads exactly `length` bytes. @throws {MemberFault} when the source ends before */
export async function readExactly(source: ByteSource, length: number): Promise<Buffer> {
  const bytes = await source.read(length)
  if (bytes.length < length) throw new MemberFault(TRUNCATED)
  return bytes
}

/** An open file. Headers are read synchronously: each is one short pread(2) from the page cache. */
export function fileSource(fd: number, size: number): ByteSource {
  let position = 0
  const take = (length: number) => {
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - position)))
    let done = 0
    while (done < buffer.length) {
      const count = readSync(fd, buffer, done, buffer.length - done, position + done)
      if (count === 0) break
      done += count
    }
    position += done
    return buffer.subarray(0, done)
  }
  return {
    seekable: true,
    get position() {
      return position
    },
    read: (length) => Promise.resolve(take(length)),
    skip(length) {
      if (length > size - position) return Promise.reject(new MemberFault(TRUNCATED))
      position += length
      return Promise.resolve()
    },
    async *pieces(length) {
      for (let left = length; left > 0;) {
        const bytes = take(Math.min(left, 1 << 20))
        if (bytes.length === 0) throw new MemberFault(TRUNCATED)
        left -= bytes.length
        yield bytes
      }
    },
  }
}

/** A stream of chunks of any sizes. */
export function streamSource(stream: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = stream[Symbol.asyncIterator]()
  let position = 0
  let chunk: Buffer = Buffer.alloc(0)

  /** Makes `chunk` not empty; false at the end. */
  const fill = async () => {
    while (chunk.length === 0) {
      const next = await iterator.next()
      if (next.done === true) return false
      const { buffer, byteOffset, byteLength } = next.value
      chunk = Buffer.from(buffer, byteOffset, byteLength)
    }
    return true
  }
  const take = (length: number) => {
    const head = chunk.subarray(0, length)
    chunk = chunk.subarray(head.length)
    position += head.length
    return head
  }
  async function* pieces(length: number) {
    for (let left = length; left > 0;) {
      if (!await fill()) throw new MemberFault(TRUNCATED)
      const piece = take(left)
      left -= piece.length
      yield piece
    }
  }
  return {
    seekable: false,
    get position() {
      return position
    },
    async read(length) {
      if (chunk.length >= length) return take(length)
      const parts: Buffer[] = []
      let left = length
      while (left > 0 && await fill()) {
        const piece = take(left)
        parts.push(piece)
        left -= piece.length
      }
      return Buffer.concat(parts)
    },
    async skip(length) {
      for (let left = length; left > 0;) {
        if (!await fill()) throw new MemberFault(TRUNCATED)
        left -= take(left).length
      }
    },
    pieces,
  }
}
