/**
 * Paths inside guests that are left alone. Pure.
 *
 * @module
 */
import { type ByteString, byteString } from '../host/tree/names.ts'

/** Programs look at link counts there: editors, mail and print spools, log rotation. */
export const defaultExcludes: readonly string[] = [
  '/etc',
  '/var/spool',
  '/var/mail',
  '/var/log',
]

/**
 * A function that tells whether a path of a tree lies in, or is, one of the directories or files named.
 *
 * @param excludes absolute paths inside a guest; `*` stands for any part of one component
 */
export function makeExclude(excludes: readonly string[]): (path: ByteString) => boolean {
  if (excludes.length === 0) return () => false
  if (excludes.some((exclude) => /^\/+$/.test(exclude))) return () => true
  const parts = excludes.map((exclude) =>
    byteString(exclude.replace(/^\/+|\/+$/g, ''))
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '[^/]*')
  )
  // The root itself is in nothing but itself.
  if (parts.includes('')) return () => true
  const pattern = new RegExp(`^(?:${parts.join('|')})(?:/|$)`, 's')
  return (path) => pattern.test(path)
}
