/**
 * What two files must have in common, beside their content, to become one inode: every piece of metadata
 * that an inode holds. Pure.
 *
 * @module
 */
import { createHash, hash } from 'node:crypto'
import type { Xattr } from '../host/tree/entry.ts'
import type { Stat } from './listed.ts'

export interface MetaOptions {
  /** Files may become one although they were modified at different times; one of the times stays. */
  readonly ignoreTimes: boolean
}

/** The metadata that a listing tells. */
export type BasicMeta = Pick<Stat, 'mode' | 'uid' | 'gid' | 'mtimeSec' | 'mtimeNsec'>

/** A text that is equal for files whose mode, owner and, unless left out, time are equal. */
export function basicKey(
  { mode, uid, gid, mtimeSec, mtimeNsec }: BasicMeta,
  { ignoreTimes }: MetaOptions,
): string {
  const owner = `${mode.toString(8)}:${uid}:${gid}`
  return ignoreTimes ? owner : `${owner}:${mtimeSec}.${mtimeNsec}`
}

/** A text that is equal for files with equal metadata. */
export function metaKey(
  { mode, uid, gid, flags, mtimeSec, mtimeNsec }: BasicMeta & { readonly flags: number },
  xattrs: readonly Xattr[],
  { ignoreTimes }: MetaOptions,
): string {
  const time = ignoreTimes ? '' : `${mtimeSec}.${mtimeNsec}`
  const plain = `${mode.toString(8)}:${uid}:${gid}:${flags.toString(16)}:${time}`
  return xattrs.length === 0 ? plain : `${plain}:${xattrKey(xattrs)}`
}

function xattrKey(xattrs: readonly Xattr[]): string {
  const sha = createHash('sha256')
  for (const { name, value } of xattrs.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    sha.update(`${Buffer.byteLength(name, 'latin1')}:${value.length}:`)
    sha.update(Buffer.from(name, 'latin1')).update(value)
  }
  return sha.digest('hex')
}

/** Whether an xattr is part of a file's identity: where an overlay copied it from is not. */
export function isIdentityXattr(name: string): boolean {
  return name !== 'trusted.overlay.origin'
}

/** The name of an object in the store, below its directory: `ab/cdef…`. */
export function objectName(content: Uint8Array, meta: string): string {
  const key = hash('sha256', Buffer.concat([content, Buffer.from(meta)]), 'hex')
  return `${key.slice(0, 2)}/${key.slice(2)}`
}

/**
 * The name of the `variant`th inode of an object: file systems bound how many names an inode can have.
 */
export function variantName(object: string, variant: number): string {
  const [plain = object] = object.split('.')
  return variant === 0 ? plain : `${plain}.${variant}`
}

/** The number that {@link variantName} was given. */
export function variantOf(object: string): number {
  return Number(object.split('.')[1] ?? 0)
}

/** Whether a path below the store is an object's: not of one that was put away. */
export function isObjectName(path: string): boolean {
  return /^[0-9a-f]{2}\/[0-9a-f]{62}(?:\.\d+)?$/.test(path)
}
