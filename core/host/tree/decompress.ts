/**
 * Opens compressed archives: gzip, zstd and xz, told by their first bytes and not by their names.
 *
 * @module
 */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { badArchive } from './fault.ts'

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz'

/** Bytes that {@link detectCompression} wants to see. */
export const MAGIC_BYTES = 8

const CHUNK_BYTES = 1 << 18

const known: readonly (readonly [Compression | 'bzip2' | 'lz4' | 'zip', magic: string])[] = [
  ['gzip', '\x1f\x8b'],
  ['xz', '\xfd7zXZ\0'],
  ['zstd', '\x28\xb5\x2f\xfd'],
  ['bzip2', 'BZh'],
  ['lz4', '\x04\x22\x4d\x18'],
  ['zip', 'PK\x03\x04'],
]

/**
 * Tells the compression by the first bytes of a file; `none` when they are of no format known. Pure.
 *
 * @throws {VServerError} E_ARCHIVE for formats that are known and cannot be read
 */
export function detectCompression(head: Uint8Array, archive: string): Compression {
  const text = String.fromCharCode(...head.subarray(0, MAGIC_BYTES))
  // zstd files may begin with a skippable frame.
  const [first = 0, ...rest] = head.subarray(0, 4)
  if ((first & 0xf0) === 0x50 && rest.join() === '42,77,24') return 'zstd'
  const [format] = known.find(([, magic]) => text.startsWith(magic)) ?? ['none' as const]
  switch (format) {
    case 'none':
    case 'gzip':
    case 'zstd':
    case 'xz':
      return format
    default:
      throw badArchive(archive, `it is ${format} data, which cannot be read (use gz, xz or zst)`)
  }
}

/**
 * The decompressed content of a file, all its streams one after the other.
 *
 * @throws {VServerError} E_ARCHIVE when the data is damaged or ends early
 */
export function decompressFile(
  path: string,
  options: { compression: Exclude<Compression, 'none'>; archive: string },
): AsyncGenerator<Uint8Array> {
  return decompressStream(createReadStream(path, { highWaterMark: CHUNK_BYTES }), options)
}

/**
 * The decompressed content of a stream, which it destroys at the end.
 *
 * @throws {VServerError} E_ARCHIVE when the data is damaged or ends early
 */
export async function* decompressStream(
  input: Readable,
  { compression, archive }: { compression: Compression; archive: string },
): AsyncGenerator<Uint8Array> {
  try {
    yield* compression === 'none' ? input : await decompressed(input, compression)
  } catch (error) {
    if (!(error instanceof Error) || ('syscall' in error)) throw error
    throw badArchive(archive, `its ${compression} data is damaged or cut off (${error.message})`)
  } finally {
    input.destroy()
  }
}

async function decompressed(
  input: Readable,
  compression: Exclude<Compression, 'none'>,
): Promise<AsyncIterable<Uint8Array>> {
  switch (compression) {
    case 'gzip':
      return through(input, createGunzip({ chunkSize: CHUNK_BYTES }))
    case 'zstd':
      return through(input, createZstdDecompress({ chunkSize: CHUNK_BYTES }))
    case 'xz': {
      const { decompressXz } = await import('./xz.ts')
      return decompressXz(toWeb(input))
    }
    default:
      return compression satisfies never
  }
}

/** `pipe` does not hand on errors of its source. */
function through<To extends ReturnType<typeof createGunzip>>(input: Readable, output: To): To {
  input.on('error', (error) => output.destroy(error))
  return input.pipe(output)
}

function toWeb(input: Readable): ReadableStream<Uint8Array> {
  const chunks = input.iterator({ destroyOnReturn: true })
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await chunks.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: () => void input.destroy(),
  })
}
