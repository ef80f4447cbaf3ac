/**
 * From a suite to a tree: look at the archive, fetch and unpack at the same time, configure.
 *
 * @module
 */
import { realpathSync } from 'node:fs'
import { errors } from '../../core/errors.ts'
import type { Entry } from '../../core/host/tree/entry.ts'
import { writeTree } from '../../core/host/tree/writer.ts'
import type { BootstrapContext } from '../../core/plugin/types.ts'
import { configure } from './configure.ts'
import { automaticStates, databaseEntries } from './database.ts'
import { download, inParallel } from './download.ts'
import { sourceFailure } from './failure.ts'
import { CONNECTIONS, type Look, look } from './look.ts'
import type { IndexPackage } from './package.ts'
import { pin } from './pins.ts'
import { readRequest } from './request.ts'
import { bootFiles, oldSystemdFiles, sourcesList } from './system-files.ts'
import {
  madeDirectory,
  madeFile,
  madeLink,
  makeUnpacker,
  mergedNames,
  type Unpacker,
} from './unpack.ts'

/** What `id` found, for the `make` that follows with the same context. */
const looks = new WeakMap<BootstrapContext, Look>()

/** Looks at the archive, and remembers what it led to. @throws {VServerError} E_SOURCE */
export async function id(source: string, context: BootstrapContext): Promise<string> {
  const request = readRequest(source, context)
  if (context.offline) {
    throw sourceFailure(request.source, 'there is no template of it yet, and --offline is given', {
      hint: 'try without --offline',
    })
  }
  const found = await look(request, context)
  looks.set(context, found)
  pin(request, found.id, context)
  // Nothing keeps the program alive while it decides what to do with the id.
  found.fetcher.close()
  return found.id
}

/** Fills the destination. @throws {VServerError} E_SOURCE, E_ARCHIVE, E_DISK_FULL, E_INTERRUPTED */
export async function make(
  source: string,
  destination: string,
  context: BootstrapContext,
): Promise<void> {
  const found = looks.get(context) ?? await look(readRequest(source, context), context)
  const { request, packages, fetcher } = found
  const target = realpathSync(destination)
  const stop = new AbortController()
  const signal = AbortSignal.any([context.signal, stop.signal])
  const fetched = fetchAll(found, { ...context, signal })
  const unpacker = makeUnpacker(found.merged)
  try {
    await writeTree(
      context.session,
      target,
      entriesOf(found, { fetched: fetched.each, unpacker }),
      {
        deed: { verb: 'unpack', thing: request.source },
        signal: context.signal,
        progress: () => undefined,
        sync: false,
      },
    )
    await fetched.all
  } catch (error) {
    stop.abort()
    await Promise.allSettled([fetched.all])
    throw interruption(error, request.source, context.signal) ??
      inSource(error, { source: request.source, at: unpacker.at })
  } finally {
    fetcher.close()
  }
  await configure(target, { found, unpacked: unpacker.done, context })
  context.progress({ phase: `${packages.length} packages of ${request.source} are ready` })
}

/** What the network says of an abort is an interruption. */
function interruption(error: unknown, source: string, signal: AbortSignal): Error | undefined {
  if (!signal.aborted) return undefined
  if (error instanceof Error && 'code' in error && error.code === 'E_INTERRUPTED') return error
  return errors.E_INTERRUPTED(`Cannot use "${source}": interrupted`, { cause: error })
}

/** Errors of archives say which source and package they are of. */
function inSource(
  error: unknown,
  { source, at }: { source: string; at: IndexPackage | undefined },
): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'E_ARCHIVE') return error
  const [, detail = error.message] = /^Cannot unpack "[^"]*": ([^]*)$/.exec(error.message) ?? []
  const label = at === undefined ? '' : `package "${at.name} ${at.version}": `
  return errors.E_ARCHIVE(`Cannot use "${source}": ${label}${detail}`, {
    hint: 'use another mirror, or leave the package out of include',
    details: { source, ...(at === undefined ? {} : { package: at.name }) },
    cause: error,
  })
}

interface Fetched {
  /** Settles when the package is in the store. */
  readonly each: (wanted: IndexPackage) => Promise<void>
  readonly all: Promise<void>
}

function fetchAll({ request, packages, store, fetcher }: Look, context: BootstrapContext): Fetched {
  const total = packages.reduce((sum, { size }) => sum + size, 0)
  const started = Date.now()
  let done = 0
  let first: number | undefined
  const advance = (bytes: number) => {
    done += bytes
    first ??= bytes
    const seconds = (Date.now() - started) / 1000
    context.progress({
      phase: 'download and unpack',
      done,
      total,
      unit: 'bytes',
      ...(seconds > 0.5 ? { perSecond: done / seconds } : {}),
    })
  }
  const gates = new Map(packages.map(({ digest }) => [digest, Promise.withResolvers<void>()]))
  // A failure reaches whoever waits for it; nobody waiting yet must not be an unhandled rejection.
  for (const { promise } of gates.values()) promise.catch(() => undefined)
  const all = inParallel(packages, CONNECTIONS, async ({ name, url, digest, size }) => {
    await download({ name, urls: [url], digest, size }, {
      source: request.source,
      fetcher,
      store,
      signal: context.signal,
      offline: context.offline,
      advance,
    })
    gates.get(digest)?.resolve()
  })
  all.catch((error: unknown) => {
    for (const { reject } of gates.values()) reject(error)
  })
  return { each: async ({ digest }) => await gates.get(digest)?.promise, all }
}

/** All members of the tree, in the order in which they are made. */
async function* entriesOf(
  found: Look,
  { fetched, unpacker }: { fetched: Fetched['each']; unpacker: Unpacker },
): AsyncGenerator<Entry> {
  const { request, packages, merged, resolution, manual, store } = found
  yield madeDirectory('')
  if (merged) {
    for (const name of mergedNames) {
      yield madeDirectory(`usr/${name}`)
      yield madeLink(name, `usr/${name}`)
    }
  }
  yield* bootFiles()
  for (const wanted of packages) {
    await fetched(wanted)
    yield* unpacker.entries(wanted, store.path(wanted.digest))
  }
  yield* databaseEntries(unpacker.done, request.architecture)
  const essential = new Set(resolution.essential.map(({ name }) => name))
  const kept = unpacker.done.filter(({ wanted: { name, priority } }) =>
    !essential.has(name) && priority !== 'required'
  )
  yield madeFile(
    'var/lib/apt/extended_states',
    automaticStates(kept, { manual, architecture: request.architecture }),
  )
  yield* oldSystemdFiles(packages)
  yield madeFile('etc/apt/sources.list', sourcesList(found))
}
