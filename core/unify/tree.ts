/**
 * The trees that files are shared between, and what is found in them.
 *
 * @module
 */
import type { ByteString } from '../host/tree/names.ts'
import type { BigIntStats } from 'node:fs'
import { byteString, join } from '../host/tree/names.ts'
import type { Member } from './compare.ts'
import type { Stat } from './listed.ts'
import { splitTime } from './time.ts'

/** Immutable (a template, a sealed layer), or the writable layer of a stopped guest. */
export interface Tree {
  /** `templates/ID`, `layers/ID` or `guests/NAME/upper`. */
  readonly id: string
  /** Absolute. */
  readonly path: string
  readonly writable: boolean
  /** Paths below it that are left alone. */
  readonly excludes: readonly string[]
  /** Tells its root directory from another one that has the same id at another time. */
  readonly root?: string
}

/** One name of a file. */
export interface Name {
  readonly tree: Tree
  /** Of its directory, below the tree; empty for the tree itself. */
  readonly directory: ByteString
  /** When the directory was modified. */
  readonly mtimeSec: number
  readonly mtimeNsec: number
  readonly name: ByteString
}

/** What a tree was looked at for: on other terms, more or fewer of its files are equal. Pure. */
export function termsOf(
  { excludes, root }: Tree,
  { ignoreTimes }: { ignoreTimes: boolean },
): string {
  return JSON.stringify({ ignoreTimes, excludes, root })
}

/** Whether a tree was looked at that had this id, and is not there any more. Pure. */
export function isReplaced(terms: string, { root }: Tree): boolean {
  const was: unknown = JSON.parse(terms)
  const isKnown = typeof was === 'object' && was !== null && 'root' in was
  return isKnown && was.root !== root
}

/**
 * What stays the same of a directory whatever becomes of its contents and times: its inode number, which
 * another one may get once it is gone, and when it was made.
 */
export function rootOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino} ${birthtimeNs}`
}

/** A regular file with all its names that were found. */
export interface FileNode extends Stat {
  /** In the table that it is from. */
  readonly number: number
  readonly names: readonly Name[]
  /** Pages that were in memory before it was read. */
  readonly cached: number
  /** In the writable layer of a stopped guest. */
  readonly writable: boolean
  /** Its name in the store, where it has one. */
  readonly object: string | undefined
}

/** Absolute path of one name. */
export function pathOf({ tree, directory, name }: Name): ByteString {
  return `${byteString(tree.path)}/${directory === '' ? '' : `${directory}/`}${name}`
}

/** A name for COMPARE. */
export function memberOf({ tree, directory, name }: Name): Member {
  return { root: tree.path, path: join(directory, name), careful: tree.writable }
}

/** A file that was looked at by itself, under one of its names. */
export function statNode(found: BigIntStats, name: Name): FileNode {
  const { mtimeSec: ctimeSec, mtimeNsec: ctimeNsec } = splitTime(found.ctimeNs)
  return {
    number: -1,
    ino: Number(found.ino),
    size: Number(found.size),
    blocks: Number(found.blocks),
    ...splitTime(found.mtimeNs),
    ...{ ctimeSec, ctimeNsec },
    uid: Number(found.uid),
    gid: Number(found.gid),
    nlink: Number(found.nlink),
    mode: Number(found.mode),
    names: [name],
    cached: 0,
    writable: false,
    object: undefined,
  }
}
