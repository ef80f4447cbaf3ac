/**
 * Reads a directory tree of the host as members for the writer.
 *
 * @module
 */
import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs'
import { errors } from '../../errors.ts'
import { OpFailure } from '../../plan/failure.ts'
import type { Session } from '../../plan/session.ts'
import type { Attributes, Entry, Extent, Xattr } from './entry.ts'
import { readExtents } from './holes.ts'
import { readMountsBelow } from './mounts.ts'
import { type ByteString, byteString, showName, toBytes } from './names.ts'
import { type Found, walk } from './walk.ts'
import { isKeptXattr } from './kept-xattr.ts'
import { readXattrs } from './xattrs.ts'

const BATCH = 250

/**
 * Yields every member of a tree, with contents of kind `twin`. Mount points are kept, empty: what is
 * mounted on them is not part of the tree. Reads ahead while the writer works.
 *
 * @param root absolute path of a directory, resolved
 * @param isKept which xattrs belong to it, by name
 * @throws {VServerError} E_SOURCE when the tree cannot be read, or changes meanwhile
 */
export async function* scanTree(
  root: string,
  session: Session,
  isKept: (name: ByteString) => boolean = isKeptXattr,
): AsyncGenerator<Entry> {
  const place = byteString(root)
  const links = new Map<string, ByteString>()
  const found = walk(place, readMountsBelow(place))
  let next = readBatch()
  for (;;) {
    const batch = await next
    if (batch.length === 0) return
    next = readBatch()
    // Its failure is thrown when its turn comes; until then it is not unhandled.
    next.catch(() => undefined)
    yield* batch
  }

  async function readBatch(): Promise<readonly Entry[]> {
    let last: ByteString = ''
    const batch: Found[] = []
    try {
      for (let one = found.next(); one.done !== true; one = found.next()) {
        last = one.value.path
        batch.push(one.value)
        if (batch.length === BATCH) break
      }
      if (batch.length === 0) return []
      const paths = batch.map(({ path }) => absolute(path))
      const xattrs = await readXattrs(session, paths, isKept)
      const entries: Entry[] = []
      for (const [index, one] of batch.entries()) {
        last = one.path
        entries.push(toEntry(one, {
          links,
          extents: one.stat.isFile() && !one.mounted
            ? await extentsOf(session, { absolute: absolute(one.path), stat: one.stat })
            : [],
          target: one.stat.isSymbolicLink() ? targetOf(absolute(one.path)) : undefined,
          xattrs: one.mounted ? [] : xattrs[index] ?? [],
        }))
      }
      return entries
    } catch (error) {
      throw explain(error, { root, last, batch })
    }
  }

  function absolute(path: ByteString): ByteString {
    return path === '' ? place : `${place}/${path}`
  }
}

/**
 * Reads one member of a tree as {@link scanTree} does.
 *
 * @param root absolute path of a directory, resolved
 * @throws {OpFailure | NodeJS.ErrnoException} when it cannot be read
 */
export async function scanMember(
  root: string,
  { path, session }: { path: ByteString; session: Session },
): Promise<Entry> {
  const absolute = `${byteString(root)}/${path}`
  const stat = lstatSync(toBytes(absolute), { bigint: true })
  const [xattrs = []] = await readXattrs(session, [absolute])
  return toEntry({ path, stat, mounted: false }, {
    links: new Map(),
    extents: stat.isFile() ? await extentsOf(session, { absolute, stat }) : [],
    target: stat.isSymbolicLink() ? targetOf(absolute) : undefined,
    xattrs,
  })
}

async function extentsOf(
  session: Session,
  { absolute, stat }: { absolute: ByteString; stat: BigIntStats },
): Promise<readonly Extent[]> {
  const size = Number(stat.size)
  if (size === 0) return []
  if (stat.blocks * 512n >= stat.size) return [{ at: 0, length: size }]
  return await readExtents(session, { path: absolute, size })
}

function targetOf(absolute: ByteString): ByteString {
  return readlinkSync(toBytes(absolute), { encoding: 'latin1' })
}

interface Known {
  /** First path of each file with several names, by device and inode number. */
  readonly links: Map<string, ByteString>
  readonly extents: readonly Extent[]
  /** Of a symlink. */
  readonly target: ByteString | undefined
  readonly xattrs: readonly Xattr[]
}

function toEntry({ path, stat, mounted }: Found, { links, extents, target, xattrs }: Known): Entry {
  const { mtimeNs, ctimeNs, ino, dev, nlink, rdev } = stat
  if (nlink > 1n && !stat.isDirectory() && !mounted) {
    const identity = `${dev}:${ino}`
    const first = links.get(identity)
    if (first !== undefined) return { kind: 'hardlink', path, target: first }
    links.set(identity, path)
  }
  const attributes: Attributes = {
    path,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeNs,
    xattrs,
  }
  if (stat.isDirectory()) return { kind: 'directory', ...attributes }
  if (stat.isFile()) {
    const stamp = { ino, size: stat.size, ctimeNs }
    const size = mounted ? 0 : Number(stat.size)
    return { kind: 'file', ...attributes, size, content: { kind: 'twin', stamp, extents } }
  }
  if (target !== undefined) return { kind: 'symlink', ...attributes, target }
  const kind = stat.isFIFO()
    ? 'fifo'
    : stat.isSocket()
    ? 'socket'
    : stat.isCharacterDevice()
    ? 'char'
    : 'block'
  // The userland form of a device number: 32 bits each, interleaved.
  const major = Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n))
  const minor = Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n))
  return { kind, ...attributes, major, minor }
}

function explain(
  error: unknown,
  { root, last, batch }: { root: string; last: ByteString; batch: readonly Found[] },
): unknown {
  const say = (path: ByteString, detail: string) =>
    errors.E_SOURCE(`Cannot copy "${root}": "${path === '' ? '.' : showName(path)}": ${detail}`, {
      details: { thing: root, member: showName(path) },
      cause: error,
    })
  if (error instanceof OpFailure) {
    const path = error.call.endsWith('xattr') ? batch[error.step]?.path ?? last : last
    return say(path, `${error.call} failed with ${error.errnoName}`)
  }
  if (error instanceof Error && 'code' in error && 'syscall' in error) {
    return say(last, `${error.syscall} failed with ${error.code}`)
  }
  return error
}
