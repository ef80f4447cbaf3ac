/**
 * Paths inside guests that are left alone. Pure.
 *
 * @module
 */
import { type ByteString, byteString, parentOf } from '../host/tree/names.ts'

/** Programs look at link counts there: editors, mail and print spools, log rotation. */
export const defaultExcludes: readonly string[] = [
  '/etc',
  '/var/spool',
  '/var/mail',
  '/var/log',
]

export interface Exclude {
  /** Whether a path of a tree lies in, or is, one of the directories or files named. */
  path(path: ByteString): boolean
  /** Whether a directory may have names of which that is so, when it is not so of itself. */
  within(directory: ByteString): boolean
}

/** @param excludes absolute paths inside a guest; `*` stands for any part of one component */
export function makeExclude(excludes: readonly string[]): Exclude {
  const all = { path: () => true, within: () => true }
  if (excludes.length === 0) return { path: () => false, within: () => false }
  if (excludes.some((exclude) => /^\/+$/.test(exclude))) return all
  const plain = excludes.map((exclude) => byteString(exclude.replace(/^\/+|\/+$/g, '')))
  // The root itself is in nothing but itself.
  if (plain.includes('')) return all
  const pattern = new RegExp(`^(?:${plain.map(toPattern).join('|')})(?:/|$)`, 's')
  const parents = plain.map((path) => toPattern(parentOf(path)))
  const parent = new RegExp(`^(?:${parents.join('|')})$`, 's')
  return { path: (path) => pattern.test(path), within: (directory) => parent.test(directory) }
}

const toPattern = (path: ByteString): string =>
  path.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')
