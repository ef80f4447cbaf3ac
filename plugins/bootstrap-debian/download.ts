/**
 * Downloads by digest, several at once: resumed where they broke off, tried again when the mirror has a
 * bad moment, shown with rate and remaining time.
 *
 * @module
 */
import { setTimeout as wait } from 'node:timers/promises'
import { errors } from '../../core/errors.ts'
import { sourceFailure } from './failure.ts'
import type { Fetcher } from './http.ts'
import type { Store } from './store.ts'

const ATTEMPTS = 3
const PAUSE_MS = 300

/** One file of an archive. */
export interface Wanted {
  /** The package or list that it is, for messages. */
  readonly name: string
  /** Where it is, in the order in which they are tried when the first is not there. */
  readonly urls: readonly string[]
  readonly digest: string
  readonly size: number
}

export interface DownloadContext {
  readonly source: string
  readonly fetcher: Fetcher
  readonly store: Store
  readonly signal: AbortSignal
  /** Without the network: what is not in the store is an error. */
  readonly offline: boolean
  /** Called with the bytes that came; negative when a start anew took some back. */
  readonly advance: (bytes: number) => void
}

/**
 * Makes sure that the store has an object.
 *
 * @throws {VServerError} E_SOURCE naming the file and what is wrong with it
 */
export async function download(wanted: Wanted, context: DownloadContext): Promise<void> {
  const { store, source } = context
  const { name } = wanted
  if (await store.has(wanted)) {
    context.advance(wanted.size)
    return
  }
  if (context.offline) {
    throw sourceFailure(source, 'it is not in the cache, and --offline forbids to fetch it', {
      package: name,
      hint: 'try without --offline',
    })
  }
  let last: unknown
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await pause(attempt * PAUSE_MS, context)
    try {
      if (await fetchOnce(wanted, context)) return
      last = sourceFailure(
        source,
        `${wanted.urls[0]} does not have the digest that the signed index gives it`,
        { package: name, hint: 'use another mirror; this one is damaged, or was tampered with' },
      )
    } catch (error) {
      if (context.signal.aborted || !isPassing(error)) throw error
      last = error
    }
  }
  throw last
}

/** Whether trying again may help: what the network did, and not what the disk did. */
function isPassing(error: unknown): boolean {
  return error instanceof Error && error.name === 'VServerError'
}

async function pause(ms: number, { signal, source }: DownloadContext): Promise<void> {
  try {
    await wait(ms, undefined, { signal })
  } catch (cause) {
    throw errors.E_INTERRUPTED(`Cannot use "${source}": interrupted`, { cause })
  }
}

/** @returns false when what came has another digest */
async function fetchOnce(wanted: Wanted, context: DownloadContext): Promise<boolean> {
  const { store, fetcher, source, advance } = context
  const partial = await store.resume(wanted.digest)
  if (partial.length > wanted.size) partial.restart()
  let counted = partial.length
  advance(counted)
  let ended = false
  try {
    if (partial.length < wanted.size) {
      const response = await openFirst(wanted, context, partial.length)
      if (response.from !== partial.length) {
        advance(-counted)
        counted = 0
        partial.restart()
        if (response.from !== 0) {
          throw sourceFailure(source, 'the server sent another range than it was asked for', {
            package: wanted.name,
          })
        }
      }
      for await (const chunk of response.body) {
        if (partial.length + chunk.length > wanted.size) {
          partial.restart()
          throw sourceFailure(source, `it is over the ${wanted.size} bytes that the index says`, {
            package: wanted.name,
          })
        }
        partial.append(chunk)
        advance(chunk.length)
        counted += chunk.length
      }
      if (partial.length < wanted.size) {
        throw sourceFailure(
          source,
          `${wanted.urls[0]} ended after ${partial.length} of ${wanted.size} bytes`,
          { package: wanted.name },
        )
      }
    }
    ended = true
    const good = partial.commit()
    if (!good) advance(-counted)
    return good
  } catch (error) {
    advance(-counted)
    throw rename(error, { source, fetcher, name: wanted.name })
  } finally {
    if (!ended) partial.leave()
  }
}

/** Adds the package to a message of the network's. */
function rename(
  error: unknown,
  { source, name }: { source: string; fetcher: Fetcher; name: string },
) {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'E_SOURCE') return error
  const prefix = `Cannot use "${source}": `
  if (!error.message.startsWith(prefix) || error.message.includes(`package "${name}"`)) return error
  return sourceFailure(source, error.message.slice(prefix.length), {
    package: name,
    cause: error,
    ...('hint' in error && typeof error.hint === 'string' ? { hint: error.hint } : {}),
  })
}

async function openFirst(wanted: Wanted, { fetcher, source }: DownloadContext, from: number) {
  for (const url of wanted.urls) {
    const response = await fetcher.open(url, { from })
    if (response !== undefined) return response
  }
  throw sourceFailure(source, `${wanted.urls.at(-1)} is not there (404)`, {
    package: wanted.name,
    hint: 'use another mirror, or try again: the archive may be changing right now',
  })
}

/** Does a deed for each item, `width` at once, and stops handing out items after a failure. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  deed: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  let failed = false
  const worker = async () => {
    for (const item of queue) {
      if (failed) return
      try {
        await deed(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: width }, worker))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
