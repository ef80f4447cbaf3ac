/**
 * The part of the binary interface that unification needs: what the ops LIST, COMPARE and RELINK take and
 * give.
 * `abi.ts` has it all. Pure data.
 *
 * @module
 */
import type { Layout } from './abi.ts'

/** Flags of COMPARE. */
export const compare = {
  /** How much of each file is in memory. */
  CACHED: 1,
  /** Reads to its end also what is equal to no other: for its digest. */
  DIGEST: 2,
  /** Files of one group, at most: all of them are open at once. */
  MOST: 256,
} as const

/** What COMPARE needs to know of a file. */
export const compared = {
  /** What is there may be no regular file by now, and opening it a deed. */
  CAREFULLY: 1,
} as const

/** What RELINK does to a file that is still the one that the entry tells of (ESTALE otherwise). */
export const relink = {
  /** Replaces it by a link to the object, without a moment in which the name is missing. */
  LINK: 1,
  /** Makes it the object: links the object's name to it. EEXIST when there is one. */
  ADOPT: 2,
} as const

/** Belongs to `layout` of `abi.ts`. */
export const unifyLayout = {
  /**
   * LIST: `count` entries of `bytes` bytes in all follow. `error`: errno; then there are none. ENOBUFS:
   * the reply has no room for all of them.
   */
  list_head: [
    ['error', 'u32'],
    ['count', 'u32'],
    ['bytes', 'u32'],
    ['reserved', 'u32'],
  ],
  /**
   * LIST: one name, in the order of getdents64(2); `.` and `..` are left out. Behind it the name
   * (`name_bytes` without NUL), a NUL and padding; the next one begins after `record_bytes`, a multiple
   * of 8. `error`: errno of the look at it, EXDEV for what is mounted there; the other fields may then
   * be 0. `blocks` of 512 bytes; `mode` with the type.
   */
  list_entry: [
    ['ino', 'u64'],
    ['size', 'u64'],
    ['blocks', 'u64'],
    ['mtime_sec', 'i64'],
    ['ctime_sec', 'i64'],
    ['mtime_nsec', 'u32'],
    ['ctime_nsec', 'u32'],
    ['uid', 'u32'],
    ['gid', 'u32'],
    ['nlink', 'u32'],
    ['mode', 'u32'],
    ['rdev_major', 'u32'],
    ['rdev_minor', 'u32'],
    ['error', 'u32'],
    ['name_bytes', 'u16'],
    ['record_bytes', 'u16'],
  ],
  /**
   * COMPARE: `count` entries of files of `size` bytes follow, of which the `length` bytes from `offset` on
   * are compared; then the next group.
   */
  compare_head: [
    ['size', 'u64'],
    ['offset', 'u64'],
    ['length', 'u64'],
    ['count', 'u32'],
    ['reserved', 'u32'],
  ],
  /**
   * COMPARE: a file by its path below a directory that is open as `root`; `flags` of `compared`. Behind it
   * the path (`path_bytes` without NUL), a NUL and padding up to a multiple of 8.
   */
  compare_entry: [
    ['root', 'u32'],
    ['flags', 'u16'],
    ['path_bytes', 'u16'],
  ],
  /**
   * COMPARE: the answer for one entry. `class`: index in its group of the first file that has the same bytes
   * there, its own if it is that. `error`: errno, and then nothing else; ESTALE for what is no regular file
   * or has not the size. `flags` of FS_IOC_GETFLAGS and `xattr_bytes` of listxattr(2), 0 where there are
   * none; `cached` pages, 0 unless asked for and known. `digested`: 1 where `digest` is the SHA-256 of the file:
   * of what leads others, when the processor has instructions for it and the whole file was compared.
   */
  compare_result: [
    ['class', 'u32'],
    ['error', 'u32'],
    ['flags', 'u32'],
    ['xattr_bytes', 'u32'],
    ['cached', 'u32'],
    ['digested', 'u32'],
    ['digest', 'bytes32'],
  ],
  /** RELINK: `count` entries follow, up to the table's end; the directory's mtime is set to this one. */
  relink_head: [
    ['mtime_sec', 'i64'],
    ['mtime_nsec', 'u32'],
    ['count', 'u32'],
  ],
  /**
   * RELINK: one file, as it must still be, and what to do (`relink`). Behind it the name and the path
   * of the object in the store, each of so many bytes and a NUL, and padding; the next one begins after
   * `entry_bytes`, a multiple of 8. `object_ino`: a file that is this inode is left alone by LINK.
   */
  relink_entry: [
    ['ino', 'u64'],
    ['size', 'u64'],
    ['mtime_sec', 'i64'],
    ['object_ino', 'u64'],
    ['mtime_nsec', 'u32'],
    ['action', 'u16'],
    ['entry_bytes', 'u16'],
    ['name_bytes', 'u16'],
    ['object_bytes', 'u16'],
    ['reserved', 'u32'],
  ],
} as const satisfies Record<string, Layout>
