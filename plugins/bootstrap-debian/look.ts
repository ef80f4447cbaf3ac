/**
 * Looks at the archive: release files, indices, and the set of packages that they lead to.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { BootstrapContext } from '../../core/plugin/types.ts'
import { download, type DownloadContext, inParallel } from './download.ts'
import { sourceFailure } from './failure.ts'
import { type Fetcher, makeFetcher } from './http.ts'
import { type PackageIndex, readIndex } from './index-file.ts'
import type { IndexPackage } from './package.ts'
import { cacheDirectory } from './pins.ts'
import { fetchRelease, type IndexFile, type Release } from './release.ts'
import { type Request, requestLines } from './request.ts'
import { type Resolution, resolve } from './resolve.ts'
import { openStore, type Store } from './store.ts'

/** Transfers at once. */
export const CONNECTIONS = 6

/** Packages beside Essential and required ones: an init, its bus, and what logins and apt need. */
export const baseNames: readonly string[] = [
  'apt',
  'dbus',
  'debian-archive-keyring',
  'login',
  'passwd',
  'systemd-sysv',
  'util-linux',
]

/** What was found. */
export interface Look {
  readonly request: Request
  readonly resolution: Resolution
  readonly packages: readonly IndexPackage[]
  /** Asked for by name, and not only needed by others. */
  readonly manual: ReadonlySet<string>
  /** Whether the tree has `bin` and the like as links into `usr`. */
  readonly merged: boolean
  /** Suites in use, for sources.list. */
  readonly releases: readonly Release[]
  /** `<suite>-<architecture>-<date>-<12 hex digits>` */
  readonly id: string
  readonly fetcher: Fetcher
  readonly store: Store
}

/** @throws {VServerError} E_SOURCE */
export async function look(request: Request, context: BootstrapContext): Promise<Look> {
  const { source } = request
  const { signal, progress } = context
  const directory = cacheDirectory(context)
  const store = openStore(directory)
  const fetcher = makeFetcher({
    source,
    stallTimeoutMs: request.stallTimeoutMs,
    signal,
    connections: CONNECTIONS,
  })
  try {
    progress({ phase: 'read release files' })
    const releases = await readReleases(request, { fetcher, seen: join(directory, 'seen') })
    progress({ phase: 'read package lists' })
    const keep = new Set<string>()
    const indices: PackageIndex[] = []
    const context = { source, fetcher, store, signal, offline: false, advance: () => undefined }
    await inParallel([...releases.entries()], CONNECTIONS, async ([number, release]) => {
      indices[number] = await fetchIndex(release, { request, context, keep })
    })
    const manual = new Set([...baseNames, ...request.include])
    const resolution = resolve({ source, indices, names: [...manual] })
    const packages = [...resolution.essential, ...resolution.others]
    for (const { digest } of packages) keep.add(digest)
    store.trim(keep)
    const merged = indices.some((index) => index.named('usr-is-merged').length > 0)
    const id = idOf(request, releases, packages)
    return { request, resolution, packages, manual, merged, releases, id, fetcher, store }
  } catch (error) {
    fetcher.close()
    throw error
  }
}

async function readReleases(
  request: Request,
  { fetcher, seen }: { fetcher: Fetcher; seen: string },
): Promise<readonly Release[]> {
  const { source, suite, main, security, updates, allowExpired, keyring } = request
  const wanted = [
    { base: main, suite },
    ...(updates ? [{ base: main, suite: `${suite}-updates` }] : []),
    ...(security === undefined ? [] : [{ base: security, suite: `${suite}-security` }]),
  ]
  return await Promise.all(wanted.map(async ({ base, suite: name }) => {
    const release = await fetchRelease(fetcher, {
      source,
      base,
      suite: name,
      allowExpired,
      keyring,
      seen,
    })
    if (release !== undefined) return release
    throw sourceFailure(source, `${base}/dists/${name}/InRelease is not there (404)`, {
      url: `${base}/dists/${name}/InRelease`,
      hint: 'use another mirror (--option mirror=URL), or leave the suite out ' +
        '(--option updates=false, --option securityMirror=none)',
    })
  }))
}

async function fetchIndex(
  release: Release,
  { request, context, keep }: { request: Request; context: DownloadContext; keep: Set<string> },
): Promise<PackageIndex> {
  const { base, suite } = release.archive
  const { architecture, source } = request
  const place = `main/binary-${architecture}/Packages`
  // gzip unpacks five times as fast as xz, and is a third larger.
  const file = ['.gz', '.xz'].flatMap((end) => release.files.get(`${place}${end}`) ?? [])[0]
  if (file === undefined) {
    throw sourceFailure(source, `${base}/dists/${suite} has no index for ${architecture}`, {
      hint: 'use another mirror',
    })
  }
  const urls = indexUrls(release, file)
  await download({ name: file.path, urls, digest: file.digest, size: file.size }, context)
  keep.add(file.digest)
  return await readIndex(context.store.path(file.digest), {
    source,
    base,
    url: urls.at(-1) ?? base,
    architecture,
  })
}

function indexUrls({ archive, byHash }: Release, { path, digest }: IndexFile): readonly string[] {
  const place = `${archive.base}/dists/${archive.suite}`
  const directory = path.slice(0, path.lastIndexOf('/'))
  const plain = `${place}/${path}`
  return byHash ? [`${place}/${directory}/by-hash/SHA256/${digest}`, plain] : [plain]
}

function idOf(
  request: Request,
  releases: readonly Release[],
  packages: readonly IndexPackage[],
): string {
  const lines = packages.map(({ name, version, digest }) => `${name}=${version}/${digest}`)
    .toSorted()
  const text = [...lines, ...requestLines(request)].join('\n')
  const hex = createHash('sha256').update(text).digest('hex').slice(0, 12)
  const newest = releases.reduce(
    (date, release) => release.date > date ? release.date : date,
    new Date(0),
  )
  const day = newest.toISOString().slice(0, 10).replaceAll('-', '')
  return `${request.suite}-${request.architecture}-${day}-${hex}`
}
