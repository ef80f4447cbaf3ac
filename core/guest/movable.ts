/**
 * What can be taken out of a writable layer, into a sealed one below it, without a guest seeing it.
 *
 * @module
 */
import type { Xattr } from '../host/tree/entry.ts'
import { type ByteString, byteString, join, parentOf } from '../host/tree/names.ts'
import { opStream } from '../host/tree/ops.ts'
import { result, SLOT_COUNT, treeSlot } from '../host/tree/slots.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import { isKeptXattr } from '../host/tree/kept-xattr.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { bytes } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import type { Listed } from '../unify/listed.ts'
import { listTree } from '../unify/listing.ts'
import type { ModificationTime } from '../unify/time.ts'
import type { FileNode, Name } from '../unify/tree.ts'
import { textAt } from './pending_move.ts'

/** A directory that the new layer needs. */
export interface MovableDirectory extends ModificationTime {
  /** Below the layer; empty for the layer itself. */
  readonly path: ByteString
  readonly uid: number
  readonly gid: number
  readonly mode: number
  /** Without those of overlayfs. */
  readonly xattrs: readonly Xattr[]
  /** It hides what the layers below have in its place. */
  readonly opaque: boolean
}

export interface Movable {
  readonly names: readonly Name[]
  /** Each before what is in it. */
  readonly directories: readonly MovableDirectory[]
}

interface Found extends ModificationTime {
  readonly entry: Listed | undefined
  readonly files: ReadonlyMap<ByteString, Listed>
}

const OPAQUE = 'trusted.overlay.opaque'
const REDIRECT = 'trusted.overlay.redirect'

/**
 * Looks at a writable layer again, under the lock: files that changed stay, and so does what a renamed
 * directory is about. Such a directory says by an xattr under which other path the layers below have its
 * content; a new layer must have nothing there.
 *
 * @param upper absolute path of the layer
 */
export async function readMovable(
  session: Session,
  { upper, files }: { upper: string; files: readonly FileNode[] },
): Promise<Movable> {
  const found = await readLayer(session, upper)
  const paths = [...found.keys()]
  const xattrs = new Map<ByteString, readonly Xattr[]>()
  for (let from = 0; from < paths.length; from += 1024) {
    const some = paths.slice(from, from + 1024)
    const place = byteString(upper)
    const read = await readXattrs(
      session,
      some.map((path) => (path === '' ? place : `${place}/${path}`)),
      (name) => name === OPAQUE || name === REDIRECT || isKeptXattr(name),
    )
    some.forEach((path, i) => xattrs.set(path, read[i] ?? []))
  }
  const barred = barredPaths(xattrs)
  const unchanged = files
    .filter((file) => file.names.every((name) => isMovable(name, { file, found, barred })))
  const own = new Set(unchanged.flatMap(({ names }) => names.map(({ directory }) => directory)))
  const held = await readHeld(session, { upper, paths: [...own] })
  const names = unchanged
    .filter((file) => file.names.every(({ directory }) => !held.has(directory)))
    .flatMap((file) => file.names)
  const needed = new Set(names.flatMap(({ directory }) => withParents(directory)))
  return {
    names,
    directories: paths.filter((path) => needed.has(path)).map((path) =>
      toDirectory(path, { found, xattrs: xattrs.get(path) ?? [] })
    ),
  }
}

async function readLayer(
  session: Session,
  upper: string,
): Promise<ReadonlyMap<ByteString, Found>> {
  const found = new Map<ByteString, Found>()
  const entries = new Map<ByteString, Listed>()
  await listTree(session, { root: upper }, (directory) => {
    const { path, mtimeSec, mtimeNsec } = directory
    const files = new Map<ByteString, Listed>()
    for (const entry of directory.entries) {
      const type = entry.mode & k.S_IFMT
      if (type === k.S_IFDIR) entries.set(join(path, entry.name), entry)
      else if (type === k.S_IFREG) files.set(entry.name, entry)
    }
    found.set(path, { entry: entries.get(path), files, mtimeSec, mtimeNsec })
  })
  return found
}

/** FS_IOC_GETFLAGS, and of its flags FS_IMMUTABLE_FL and FS_APPEND_FL (linux/fs.h). */
const GETFLAGS = 0x80086601
const HELD = 0x10 | 0x20

/** Directories that no name can be taken out of. */
async function readHeld(
  session: Session,
  { upper, paths }: { upper: string; paths: readonly ByteString[] },
): Promise<ReadonlySet<ByteString>> {
  const held = new Set<ByteString>()
  const open = k.O_RDONLY | k.O_DIRECTORY | k.O_NOFOLLOW | k.O_CLOEXEC
  for (let from = 0; from < paths.length; from += 1024) {
    const some = paths.slice(from, from + 1024)
    const program = opStream(SLOT_COUNT)
    const out = treeSlot.RESULT
    for (const [step, path] of some.entries()) {
      const flags = bytes(8)
      program.step(step, 'look at a directory')
      program.call('openat', [k.AT_FDCWD, textAt(upper, path), open, 0], { out })
      program.call('ioctl', [result, GETFLAGS, flags], { ignore: [errno.ENOTTY, errno.EOPNOTSUPP] })
      program.emit('REPORT', [flags, 8])
      program.call('close', [result])
    }
    const answer = Buffer.from((await session.run(program.finish())).bytes)
    some.forEach((path, i) => {
      if ((answer.readUInt32LE(8 * i) & HELD) !== 0) held.add(path)
    })
  }
  return held
}

/**
 * Files that a new layer must not have: below renamed directories, below and in the place of what those were
 * before, and where something above that could hide it. Pure.
 *
 * @param xattrs of each directory
 */
export function barredPaths(
  xattrs: ReadonlyMap<ByteString, readonly Xattr[]>,
): (file: ByteString) => boolean {
  const barred = new Set<ByteString>()
  const above = new Set<ByteString>()
  for (const [path, list] of xattrs) {
    const redirect = list.find(({ name }) => name === REDIRECT)
    if (redirect === undefined) continue
    const written = Buffer.from(redirect.value).toString('latin1')
    const before = written.startsWith('/') ? written.slice(1) : join(parentOf(path), written)
    barred.add(path)
    barred.add(before)
    for (const one of withParents(parentOf(before))) above.add(one)
  }
  return (path) =>
    above.has(path) || withParents(path).some((one) => barred.has(one)) ||
    withParents(path).some((one) =>
      above.has(one) && xattrs.get(one)?.some(({ name }) => name === OPAQUE) === true
    )
}

function isMovable(
  { directory, name }: Name,
  { file, found, barred }: {
    file: FileNode
    found: ReadonlyMap<ByteString, Found>
    barred: (path: ByteString) => boolean
  },
): boolean {
  const now = found.get(directory)?.files.get(name)
  return now !== undefined && now.ino === file.ino && now.size === file.size &&
    now.nlink === file.nlink && now.mtimeSec === file.mtimeSec &&
    now.mtimeNsec === file.mtimeNsec && now.ctimeSec === file.ctimeSec &&
    now.ctimeNsec === file.ctimeNsec && now.mode === file.mode && now.uid === file.uid &&
    now.gid === file.gid && !barred(join(directory, name))
}

function toDirectory(
  path: ByteString,
  { found, xattrs }: { found: ReadonlyMap<ByteString, Found>; xattrs: readonly Xattr[] },
): MovableDirectory {
  const one = found.get(path)
  const { uid = 0, gid = 0, mode = k.S_IFDIR | 0o755 } = one?.entry ?? {}
  const { mtimeSec = 0, mtimeNsec = 0 } = one ?? {}
  return {
    ...{ path, uid, gid, mode, mtimeSec, mtimeNsec },
    xattrs: xattrs.filter(({ name }) => isKeptXattr(name)),
    opaque: xattrs.some(({ name, value }) => name === OPAQUE && value.toString() === 'y'),
  }
}

/** A path with all directories above it, the topmost first; the root is the empty path. Pure. */
function withParents(path: ByteString): readonly ByteString[] {
  return path === '' ? [''] : [...withParents(parentOf(path)), path]
}
