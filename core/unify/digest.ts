/**
 * SHA-256 of files, in as many threads as there are processors.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import type { ByteString } from '../host/tree/names.ts'

export interface Digestible {
  /** Absolute. */
  readonly path: ByteString
  /** Bytes that it must have. */
  readonly size: number
}

export const DIGEST_BYTES = 32

/** A digest; or why there is none: an errno's name, `ESTALE` when the size is another one. */
export type Digest = Buffer | string

export interface DigestOptions {
  readonly signal?: AbortSignal
  /** Told as work is done. */
  readonly progress?: (doneBytes: number) => void
}

/** What is handed to a thread at once, at most, unless a single file is larger. */
const CHUNK_FILES = 256
const CHUNK_BYTES = 1 << 23

/** A thread takes some 20 ms to begin: less than this is done sooner without. */
const ALONE_BYTES = 1 << 24
const ALONE_FILES = 512

interface Job {
  /** Of the first file. */
  readonly from: number
  readonly paths: string
  readonly sizes: readonly number[]
}

/**
 * Makes the function that reads one file. Its text is also what threads run: it uses nothing from around it.
 *
 * A file is opened without following a link, without waiting for the other end of a pipe, and without
 * changing when it was last read.
 */
function makeReader(): (path: string, size: number) => Uint8Array | string {
  const { Buffer } = process.getBuiltinModule('node:buffer')
  const { constants, openSync, readSync, closeSync } = process.getBuiltinModule('node:fs')
  const { createHash, hash } = process.getBuiltinModule('node:crypto')
  const O_NOATIME = 0o1000000
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_NOATIME
  const buffer = new Uint8Array(1 << 20)
  const readAll = (fd: number, size: number): Uint8Array | string => {
    let total = 0
    let used = 0
    let whole: ReturnType<typeof createHash> | undefined
    for (;;) {
      const got = readSync(fd, buffer, used, buffer.length - used, null)
      total += got
      used += got
      // A file that fits is over when it has the size it should: the read that would say so is spared.
      if (got === 0 || (total === size && whole === undefined && used < buffer.length)) break
      if (total > size) return 'ESTALE'
      if (used < buffer.length) continue
      whole ??= createHash('sha256')
      whole.update(buffer)
      used = 0
    }
    if (total !== size) return 'ESTALE'
    const rest = buffer.subarray(0, used)
    return whole === undefined ? hash('sha256', rest, 'buffer') : whole.update(rest).digest()
  }
  return (path, size) => {
    try {
      const fd = openSync(Buffer.from(path, 'latin1'), flags)
      try {
        return readAll(fd, size)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error) return String(error.code)
      throw error
    }
  }
}

/** What a thread does with the reader. */
function serve(reader: ReturnType<typeof makeReader>): void {
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  parentPort?.on('message', ({ from, paths, sizes }: Job) => {
    const list = paths.split('\0')
    parentPort.postMessage({ from, digests: sizes.map((size, i) => reader(list[i] ?? '', size)) })
  })
}

/** Digests files, in the order given. Those that cannot be read have the reason in their place. */
export async function digestFiles(
  files: readonly Digestible[],
  options: DigestOptions = {},
): Promise<readonly Digest[]> {
  const digests = new Array<Digest>(files.length)
  const jobs = cut(files)
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  const put = (from: number, found: readonly (Uint8Array | string)[]) => {
    found.forEach((one, i) => {
      digests[from + i] = typeof one === 'string' ? one : Buffer.from(one)
    })
  }
  if (bytes <= ALONE_BYTES && files.length <= ALONE_FILES) {
    const reader = makeReader()
    put(0, files.map(({ path, size }) => reader(path, size)))
    return digests
  }
  const threads = Math.min(availableParallelism(), jobs.length)
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const source = `(${serve})((${makeReader})())`
  const workers = Array.from({ length: threads }, () => new Worker(source, { eval: true }))
  try {
    await Promise.all(workers.map((worker) => feed(worker, { jobs, put, ...options })))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  return digests
}

/** Hands one thread a job after the other until there is none left. */
async function feed(
  worker: Worker,
  { jobs, put, signal, progress }: DigestOptions & {
    readonly jobs: Job[]
    readonly put: (from: number, digests: readonly (Uint8Array | string)[]) => void
  },
): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    let waiting = 0
    let current: Job | undefined
    const next = () => {
      if (signal?.aborted === true) return reject(signal.reason)
      current = jobs.pop()
      if (current === undefined) return waiting === 0 ? resolve() : undefined
      waiting++
      worker.postMessage(current)
    }
    worker.on('message', ({ from, digests }) => {
      waiting--
      put(from, digests)
      progress?.(current?.sizes.reduce((sum, size) => sum + size, 0) ?? 0)
      next()
    })
    worker.once('error', reject)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    next()
  })
  await done
}

/** Cuts the work into jobs, the first at the end. */
function cut(files: readonly Digestible[]): Job[] {
  const jobs: Job[] = []
  for (let from = 0; from < files.length;) {
    let bytes = 0
    let to = from
    while (to < files.length && to - from < CHUNK_FILES && (to === from || bytes < CHUNK_BYTES)) {
      bytes += files[to++]?.size ?? 0
    }
    const some = files.slice(from, to)
    const paths = some.map(({ path }) => path).join('\0')
    jobs.push({ from, paths, sizes: some.map(({ size }) => size) })
    from = to
  }
  return jobs.reverse()
}
