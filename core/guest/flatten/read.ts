/**
 * Reads sealed layers as {@link mergeLayers} wants them.
 *
 * @module
 */
import { type BigIntStats, lstatSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { Xattr } from '../../host/tree/entry.ts'
import { type ByteString, byteString, join, parentOf, toBytes } from '../../host/tree/names.ts'
import { type Found, walk } from '../../host/tree/walk.ts'
import { readXattrs } from '../../host/tree/xattrs.ts'
import type { Session } from '../../plan/session.ts'
import { type LayerNode, type Listing, listing } from './listing.ts'
import type { TemplateKind } from './lookup.ts'

/** How a directory looks, but for what overlayfs keeps for itself. */
export interface DirectoryLook {
  readonly stat: BigIntStats
  readonly xattrs: readonly Xattr[]
}

/** A layer that was read. */
export interface ReadLayer {
  readonly path: ByteString
  readonly listing: Listing
  readonly directories: ReadonlyMap<ByteString, DirectoryLook>
}

const OVERLAY = 'trusted.overlay.'
const BATCH = 250

/**
 * Reads one layer whole. It is immutable: nothing in it changes meanwhile.
 *
 * @param root absolute path of the layer
 */
export async function readLayer(
  session: Session,
  root: string,
  signal: AbortSignal | undefined,
): Promise<ReadLayer> {
  const path = byteString(root)
  const nodes = new Map<ByteString, LayerNode>()
  const directories = new Map<ByteString, DirectoryLook>()
  const empty: ByteString[] = []
  const marked = new Set<ByteString>()
  let batch: Found[] = []
  const readBatch = async () => {
    const found = batch
    batch = []
    const xattrs = await xattrsOf(session, { root: path, paths: found.map((one) => one.path) })
    for (const [index, one] of found.entries()) {
      const all = xattrs[index] ?? []
      const opaque = valueOf(all, 'opaque')
      if (opaque === 'x') marked.add(one.path)
      nodes.set(one.path, {
        kind: 'directory',
        opaque: opaque === 'y',
        redirect: valueOf(all, 'redirect'),
      })
      const own = all.filter(({ name }) => !name.startsWith(OVERLAY))
      directories.set(one.path, { stat: one.stat, xattrs: own })
    }
    signal?.throwIfAborted()
    await turn()
  }
  for (const found of walk(path, new Set())) {
    if (found.stat.isDirectory()) batch.push(found)
    else {
      nodes.set(found.path, isWhiteout(found.stat) ? { kind: 'whiteout' } : { kind: 'other' })
      if (found.stat.isFile() && found.stat.size === 0n) empty.push(found.path)
    }
    if (batch.length === BATCH) await readBatch()
  }
  await readBatch()
  // Whiteouts of the other form count only in directories that say that there are some.
  const suspects = empty.filter((one) => marked.has(parentOf(one)))
  const found = await xattrsOf(session, { root: path, paths: suspects })
  suspects.forEach((one, index) => {
    if (valueOf(found[index] ?? [], 'whiteout') !== undefined) nodes.set(one, { kind: 'whiteout' })
  })
  return { path, listing: listing(nodes), directories }
}

async function xattrsOf(
  session: Session,
  { root, paths }: { root: ByteString; paths: readonly ByteString[] },
): Promise<readonly (readonly Xattr[])[]> {
  const found: (readonly Xattr[])[] = []
  for (let at = 0; at < paths.length; at += BATCH) {
    const some = paths.slice(at, at + BATCH).map((path) => path === '' ? root : join(root, path))
    found.push(...await readXattrs(session, some, isWanted))
  }
  return found
}

/** Security labels that the host's kernel gives by itself are not among them. */
function isWanted(name: ByteString): boolean {
  return name.startsWith('trusted.') || name.startsWith('user.') ||
    name === 'security.capability' || name.startsWith('system.posix_acl_')
}

function valueOf(xattrs: readonly Xattr[], name: string): ByteString | undefined {
  const found = xattrs.find((one) => one.name === `${OVERLAY}${name}`)
  return found === undefined ? undefined : Buffer.from(found.value).toString('latin1')
}

function isWhiteout(stat: BigIntStats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0n
}

/** What a template has at a path; see {@link TemplateKind}. What was asked for is remembered. */
export function templateLook(root: string): (path: ByteString) => TemplateKind {
  const base = byteString(root)
  const known = new Map<ByteString, TemplateKind>([['', 'directory']])
  const look = (path: ByteString): TemplateKind => {
    const before = known.get(path)
    if (before !== undefined) return before
    const kind = look(parentOf(path)) === 'directory' ? kindOf(join(base, path)) : 'none'
    known.set(path, kind)
    return kind
  }
  return look
}

function kindOf(path: ByteString): TemplateKind {
  const stat = lstatSync(toBytes(path), { bigint: true, throwIfNoEntry: false })
  if (stat === undefined || isWhiteout(stat)) return 'none'
  return stat.isDirectory() ? 'directory' : 'other'
}
