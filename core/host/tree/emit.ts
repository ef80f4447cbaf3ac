/**
 * Compiles members of a tree to ops. Everything is made with an exclusive call relative to a directory
 * that the writer holds open, so nothing that exists is followed or overwritten. The order is fixed:
 * content, then owner (which takes setuid bits and capabilities away), then xattrs, then mode, then
 * time.
 *
 * @module
 */
import {
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFSOCK,
} from '../../linux/constants.ts'
import { type Arg, bytes, type Cell, text } from '../../plan/program.ts'
import type { Attributes, NodeEntry, SymlinkEntry, Xattr } from './entry.ts'
import { MemberFault } from './fault.ts'
import { type ByteString, nameOf, toBytes } from './names.ts'
import type { Ops } from './ops.ts'
import { file, treeSlot } from './slots.ts'
import { timespecs } from './times.ts'

/** Where a member is made: its directory's descriptor, and the last component of its path. */
export interface Spot {
  readonly directory: Arg
  readonly path: ByteString
}

const nameCell = (path: ByteString): Cell => text(toBytes(nameOf(path)))

/**
 * The access time stays what it is: later than the modification time, so that the first reading of a
 * template's file writes nothing.
 */
const times = (mtimeNs: bigint): Cell => timespecs({ mtimeNs })

/** Creates a file and leaves it open for writing in the FILE slot. */
export function emitCreate(program: Ops, { directory, path }: Spot): void {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
  program.call('openat', [directory, nameCell(path), flags, 0o600], { out: treeSlot.FILE })
}

/** Gives the open file or directory in the FILE slot its attributes and closes it. */
export function emitAttributes(program: Ops, attributes: Attributes): void {
  const { mode, uid, gid, mtimeNs, xattrs } = attributes
  program.call('fchown', [file, uid, gid])
  for (const xattr of xattrs) emitXattr(program, xattr)
  program.call('fchmod', [file, mode])
  program.call('utimensat', [file, 0, times(mtimeNs), 0])
  program.call('close', [file])
}

function emitXattr(program: Ops, { name, value }: Xattr): void {
  program.call('fsetxattr', [file, text(toBytes(name)), xattrValue(value), value.length, 0])
}

/** Adds xattrs to a file that was written before. */
export function emitLateXattrs(
  program: Ops,
  { spot, xattrs }: { spot: Spot; xattrs: readonly Xattr[] },
): void {
  const flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC
  program.call('openat', [spot.directory, nameCell(spot.path), flags, 0], { out: treeSlot.FILE })
  for (const xattr of xattrs) emitXattr(program, xattr)
  program.call('close', [file])
}

/** An empty value still needs an address. */
function xattrValue(value: Uint8Array): Cell {
  return bytes(value.length === 0 ? 1 : value, 1)
}

/** Makes a directory that only root can enter; its mode comes last. */
export function emitDirectory(program: Ops, { directory, path }: Spot): void {
  program.call('mkdirat', [directory, nameCell(path), 0o700])
}

/** Removes an earlier member of the same name. */
export function emitRemove(program: Ops, { directory, path }: Spot, flags: number): void {
  program.call('unlinkat', [directory, nameCell(path), flags])
}

/** Gives a file a second name. */
export function emitLink(program: Ops, from: Spot, to: Spot): void {
  const names = [from.directory, nameCell(from.path), to.directory, nameCell(to.path)]
  program.call('linkat', [...names, 0])
}

/** Makes a symbolic link; its target is never looked at. */
export function emitSymlink(
  program: Ops,
  { entry, spot }: { entry: SymlinkEntry; spot: Spot },
): void {
  const name = nameCell(spot.path)
  program.call('symlinkat', [text(toBytes(entry.target)), spot.directory, name])
  emitOwner(program, { entry, spot })
  program.call('utimensat', [spot.directory, name, times(entry.mtimeNs), AT_SYMLINK_NOFOLLOW])
}

const nodeType = { fifo: S_IFIFO, socket: S_IFSOCK, char: S_IFCHR, block: S_IFBLK } as const

/** Makes a node. Devices are kept as nodes: a guest's root is mounted nodev, so they stay shut. */
export function emitNode(
  program: Ops,
  { entry, spot }: { entry: NodeEntry; spot: Spot },
): void {
  const name = nameCell(spot.path)
  program.call('mknodat', [spot.directory, name, nodeType[entry.kind] | 0o600, deviceNumber(entry)])
  emitOwner(program, { entry, spot })
  program.call('fchmodat', [spot.directory, name, entry.mode])
  program.call('utimensat', [spot.directory, name, times(entry.mtimeNs), AT_SYMLINK_NOFOLLOW])
}

/** The kernel's 32-bit form: 12 bits of major number, 20 of minor. */
function deviceNumber({ kind, major, minor }: NodeEntry): number {
  if (kind === 'fifo' || kind === 'socket') return 0
  if (major >= 1 << 12 || minor >= 1 << 20) throw new MemberFault('its device number is too large')
  return (((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff)) >>> 0
}

/** Owner and xattrs of what cannot be opened. There is no lsetxattrat before Linux 6.13. */
function emitOwner(
  program: Ops,
  { entry, spot }: { entry: SymlinkEntry | NodeEntry; spot: Spot },
): void {
  const name = nameCell(spot.path)
  const owner = [entry.uid, entry.gid]
  program.call('fchownat', [spot.directory, name, ...owner, AT_SYMLINK_NOFOLLOW])
  if (entry.xattrs.length === 0) return
  program.call('fchdir', [spot.directory])
  for (const xattr of entry.xattrs) emitLinkXattr(program, name, xattr)
  program.call('chdir', ['/'])
}

function emitLinkXattr(program: Ops, path: Cell, { name, value }: Xattr): void {
  const args = [path, text(toBytes(name)), xattrValue(value), value.length, 0]
  program.call('lsetxattr', args)
}
