/**
 * What was fetched, kept by digest: `objects/<sha256>`, and what has not come to its end yet:
 * `partial/<sha256>`. Bounded: what was not used for longest goes first.
 *
 * An object appears by rename(2) after its digest was checked, and is checked again before it is used,
 * so a crash or a bad disk costs a download and no more.
 *
 * @module
 */
import { createHash, type Hash } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  createReadStream,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

/** Bytes that the cache may hold. */
export const CACHE_BYTES = 1 << 30
const PARTIAL_MAX_AGE_MS = 7 * 86_400_000

export interface Store {
  /** Where an object is, or would be. */
  path(digest: string): string
  /** Whether it is there and whole; one that is not is removed. Marks it as used. */
  has(object: { digest: string; size: number }): Promise<boolean>
  /** Starts or goes on with what has come of an object. */
  resume(digest: string): Promise<Partial>
  /** Removes what was not used for longest until the rest fits; `keep` stays. */
  trim(keep: ReadonlySet<string>): void
}

/** A download under way. */
export interface Partial {
  /** Bytes that have come. */
  readonly length: number
  append(bytes: Uint8Array): void
  /** Starts anew, from byte 0. */
  restart(): void
  /** Makes it an object, if it has this digest; else false, and nothing is left of it. */
  commit(): boolean
  /** Leaves it for the next one who wants it. */
  leave(): void
}

/** Opens the store in a directory, which is made where it is missing. */
export function openStore(directory: string): Store {
  const objects = join(directory, 'objects')
  const partials = join(directory, 'partial')
  for (const path of [directory, objects, partials]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  const place = (digest: string) => join(objects, digest)

  return {
    path: place,
    async has({ digest, size }) {
      const path = place(digest)
      const found = statSync(path, { throwIfNoEntry: false })
      if (found === undefined) return false
      if (found.size === size && await digestOf(path) === digest) {
        const now = new Date()
        utimesSync(path, now, now)
        return true
      }
      rmSync(path, { force: true })
      return false
    },
    async resume(digest) {
      const path = join(partials, `${digest}.${process.pid}`)
      const hash = await adopt(digest, { partials, path })
      return partial(digest, { path, target: place(digest), left: join(partials, digest), hash })
    },
    trim(keep) {
      const found = readdirSync(objects).map((name) => ({
        name,
        stat: statSync(place(name), { throwIfNoEntry: false }),
      }))
      let bytes = found.reduce((sum, { stat }) => sum + (stat?.size ?? 0), 0)
      for (const { name, stat } of found.toSorted((a, b) => age(b.stat) - age(a.stat))) {
        if (bytes <= CACHE_BYTES) break
        if (keep.has(name)) continue
        rmSync(place(name), { force: true })
        bytes -= stat?.size ?? 0
      }
      for (const name of readdirSync(partials)) {
        const path = join(partials, name)
        const stat = statSync(path, { throwIfNoEntry: false })
        if (stat !== undefined && age(stat) > PARTIAL_MAX_AGE_MS) rmSync(path, { force: true })
      }
    },
  }
}

function age(stat: { mtimeMs: number } | undefined): number {
  return Date.now() - (stat?.mtimeMs ?? 0)
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

/** Takes over what somebody left, or what a process that is no more was writing. rename(2) has one winner. */
async function adopt(
  digest: string,
  { partials, path }: { partials: string; path: string },
): Promise<Hash> {
  const names = readdirSync(partials).filter((name) =>
    name === digest || (name.startsWith(`${digest}.`) && !lives(name.slice(digest.length + 1)))
  )
  for (const name of names) {
    try {
      renameSync(join(partials, name), path)
      const hash = createHash('sha256')
      for await (const chunk of createReadStream(path)) hash.update(chunk)
      return hash
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error
    }
  }
  closeSync(openSync(path, 'w', 0o600))
  return createHash('sha256')
}

function lives(pid: string): boolean {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false }) !== undefined
}

function partial(
  digest: string,
  { path, target, left, hash: first }: { path: string; target: string; left: string; hash: Hash },
): Partial {
  let hash = first
  const fd = openSync(path, 'a', 0o600)
  let length = fstatSync(fd).size
  const close = () => closeSync(fd)
  return {
    get length() {
      return length
    },
    append(bytes) {
      appendFileSync(fd, bytes)
      hash.update(bytes)
      length += bytes.length
    },
    restart() {
      truncateSync(path, 0)
      hash = createHash('sha256')
      length = 0
    },
    commit() {
      close()
      if (hash.digest('hex') === digest) {
        renameSync(path, target)
        return true
      }
      rmSync(path, { force: true })
      return false
    },
    leave() {
      close()
      renameSync(path, left)
    },
  }
}
