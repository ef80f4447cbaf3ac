/**
 * Opens archives: as a file that can be skipped through, or as a stream when they are compressed.
 *
 * @module
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { fileSource, streamSource } from './bytes.ts'
import { decompressFile, detectCompression, MAGIC_BYTES } from './decompress.ts'
import type { Entry } from './entry.ts'
import type { TreeLimits } from './limits.ts'
import { readTar } from './tar.ts'

export interface ArchiveOptions {
  /** What messages call it. */
  readonly archive: string
  readonly limits?: TreeLimits
}

/**
 * The members of an archive. Contents are of kind `slice`, in that file, when it is not compressed.
 *
 * @param path absolute
 * @throws {VServerError} E_ARCHIVE when it is damaged or of no known kind
 */
export async function* readArchive(path: string, options: ArchiveOptions): AsyncGenerator<Entry> {
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(MAGIC_BYTES)
    const length = readSync(fd, head, 0, MAGIC_BYTES, 0)
    const compression = detectCompression(head.subarray(0, length), options.archive)
    const source = compression === 'none'
      ? fileSource(fd, fstatSync(fd).size)
      : streamSource(decompressFile(path, { compression, archive: options.archive }))
    yield* readTar(source, options)
  } finally {
    closeSync(fd)
  }
}

/** SHA-256 of a file's bytes, as 64 hex digits. */
export async function digestFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk)
  }
  return hash.digest('hex')
}
