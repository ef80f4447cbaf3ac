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
  /** A guest may run by now: where the file was there may be a device, or a way to one of the host. */
  readonly careful?: boolean
}

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
const ALONE_FILES = 4096

interface Job {
  /** Of the first file. */
  readonly from: number
  readonly paths: string
  readonly sizes: readonly number[]
  readonly careful: boolean
}

/**
 * Makes the function that reads one file. Its text is also what threads run: it uses nothing from around it.
 *
 * A file is opened without following a link, without waiting for the other end of a pipe, and without
 * changing when it was last read. To open a device can be a deed: carefully, only what is a file is opened.
 */
function makeReader(): (path: string, size: number, careful: boolean) => Uint8Array | string {
  const { Buffer } = process.getBuiltinModule('node:buffer')
  const { constants, openSync, readSync, closeSync, fstatSync } = process.getBuiltinModule(
    'node:fs',
  )
  const { createHash, hash } = process.getBuiltinModule('node:crypto')
  const O_NOATIME = 0o1000000
  const O_PATH = 0o10000000
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
  const read = (path: Buffer | string, size: number, how: number) => {
    const fd = openSync(path, how)
    try {
      return readAll(fd, size)
    } finally {
      closeSync(fd)
    }
  }
  const readIfFile = (path: Buffer, size: number) => {
    const fd = openSync(path, O_PATH | constants.O_NOFOLLOW)
    try {
      if (!fstatSync(fd).isFile()) return 'ESTALE'
      return read(`/proc/self/fd/${fd}`, size, flags & ~constants.O_NOFOLLOW)
    } finally {
      closeSync(fd)
    }
  }
  return (path, size, careful) => {
    try {
      const bytes = Buffer.from(path, 'latin1')
      return careful ? readIfFile(bytes, size) : read(bytes, size, flags)
    } catch (error) {
      if (error instanceof Error && 'code' in error) return String(error.code)
      throw error
    }
  }
}

/** What a thread does with the reader. */
function serve(reader: ReturnType<typeof makeReader>): void {
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  parentPort?.on('message', ({ from, paths, sizes, careful }: Job) => {
    const list = paths.split('\0')
    const digests = sizes.map((size, i) => reader(list[i] ?? '', size, careful))
    parentPort.postMessage({ from, digests })
  })
}

/** Digests files, in the order given. Those that cannot be read have the reason in their place. */
export async function digestFiles(
  files: readonly Digestible[],
  options: DigestOptions = {},
): Promise<readonly Digest[]> {
  if (files.length === 0) return []
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
    put(0, files.map(({ path, size, careful = false }) => reader(path, size, careful)))
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
    const careful = files[from]?.careful ?? false
    const isNext = () =>
      to === from || (to < files.length && to - from < CHUNK_FILES && bytes < CHUNK_BYTES &&
        (files[to]?.careful ?? false) === careful)
    while (isNext()) {
      bytes += files[to++]?.size ?? 0
    }
    const some = files.slice(from, to)
    const paths = some.map(({ path }) => path).join('\0')
    jobs.push({ from, paths, sizes: some.map(({ size }) => size), careful })
    from = to
  }
  return jobs.reverse()
}
