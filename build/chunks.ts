/**
 * Compression for the single file, cached by content.
 *
 * A file is cut into chunks that become one zstd frame each, so that a new bundle, which changes a few
 * MiB of the 111 that a runtime has, costs the compression of these few. Frames of one file follow each
 * other, which is a valid zstd stream.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'

/** The window of level 19, so larger chunks would gain little. */
const CHUNK_BYTES = 8 << 20

const compressAsync = promisify(zstdCompress)

export interface Compressor {
  /** Compresses a file's content; the result is a run of zstd frames with checksums. */
  compress(content: Uint8Array): Promise<Uint8Array>
  /** Removes what the cache holds of this level beyond the frames that were asked for. */
  prune(): Promise<void>
}

/**
 * A compressor whose frames are kept in `directory`.
 *
 * @param level zstd's; 19 for releases, 3 while developing
 */
export function compressor(directory: string, level: number): Compressor {
  const used = new Set<string>()
  const gate = limiter(availableParallelism())

  const frame = async (chunk: Uint8Array): Promise<Uint8Array> => {
    const name = `${createHash('sha256').update(chunk).digest('hex')}-${level}.zst`
    const path = join(directory, name)
    used.add(name)
    const kept = await readOptional(path)
    if (kept !== undefined) return kept
    const packed = await compressAsync(chunk, {
      params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    })
    await mkdir(directory, { recursive: true })
    await writeFile(`${path}.${process.pid}`, packed)
    await rename(`${path}.${process.pid}`, path)
    return packed
  }

  return {
    async compress(content) {
      const chunks: Uint8Array[] = []
      for (let at = 0; at < content.length; at += CHUNK_BYTES) {
        chunks.push(content.subarray(at, at + CHUNK_BYTES))
      }
      return Buffer.concat(await Promise.all(chunks.map((chunk) => gate(() => frame(chunk)))))
    },
    async prune() {
      for (const name of await readdir(directory)) {
        if (name.endsWith(`-${level}.zst`) && !used.has(name)) {
          await rm(join(directory, name), { force: true })
        }
      }
    },
  }
}

/** Reads a file, or gives `undefined` when it does not exist. */
export async function readOptional(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Lets at most `width` deeds run at a time. */
function limiter(width: number) {
  const waiting: (() => void)[] = []
  let running = 0
  return async <Result>(deed: () => Promise<Result>): Promise<Result> => {
    if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      return await deed()
    } finally {
      running--
      waiting.shift()?.()
    }
  }
}
