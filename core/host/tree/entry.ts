/**
 * One member of a tree, as a reader (an archive, a directory) hands it to the writer. Types only.
 *
 * @module
 */
import type { TextAcl } from './acl.ts'
import type { ByteString } from './names.ts'

/** A named value; `name` has its namespace (`user.note`), the value is any bytes. */
export interface Xattr {
  readonly name: ByteString
  readonly value: Uint8Array
}

/** What every kind of member has. */
export interface Attributes {
  /** Path below the tree's root: components parted by single slashes; empty for the root itself. */
  readonly path: ByteString
  /** Permission bits with setuid, setgid and sticky: at most 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Nanoseconds since 1970; may be negative. */
  readonly mtimeNs: bigint
  readonly xattrs: readonly Xattr[]
  /** ACLs with names, whose numbers stand in the tree's own /etc/passwd and /etc/group. */
  readonly acls?: readonly TextAcl[]
}

/** A run of data inside a file; what lies between runs is a hole. Ascending, never overlapping. */
export interface Extent {
  /** Where it stands in the file, in bytes. */
  readonly at: number
  readonly length: number
}

/** Where the bytes of a file are. */
export type Content =
  /** In a file of the same path below the writer's origin, a directory; `stamp` says which version. */
  | { readonly kind: 'twin'; readonly stamp: Stamp; readonly extents: readonly Extent[] }
  /** One after the other in the writer's origin, a file, from offset `from` on. */
  | { readonly kind: 'slice'; readonly from: number; readonly extents: readonly Extent[] }
  /** Handed over in pieces, which must be taken before the next member is asked for. */
  | { readonly kind: 'stream'; readonly pieces: AsyncIterable<Piece> }

/** Bytes of a file. */
export interface Piece {
  readonly at: number
  readonly bytes: Uint8Array
}

/** Tells versions of one file apart: every change of content or metadata moves its ctime. */
export interface Stamp {
  readonly ino: bigint
  readonly size: bigint
  readonly ctimeNs: bigint
}

export interface DirectoryEntry extends Attributes {
  readonly kind: 'directory'
}

export interface FileEntry extends Attributes {
  readonly kind: 'file'
  /** Apparent size in bytes, holes included. */
  readonly size: number
  readonly content: Content
}

export interface SymlinkEntry extends Attributes {
  readonly kind: 'symlink'
  /** Any bytes but NUL; never resolved on the host. */
  readonly target: ByteString
}

export interface NodeEntry extends Attributes {
  readonly kind: 'fifo' | 'socket' | 'char' | 'block'
  readonly major: number
  readonly minor: number
}

/** A further name of a member that came earlier; it has no attributes of its own. */
export interface HardlinkEntry {
  readonly kind: 'hardlink'
  readonly path: ByteString
  readonly target: ByteString
}

export type Entry = DirectoryEntry | FileEntry | SymlinkEntry | NodeEntry | HardlinkEntry
