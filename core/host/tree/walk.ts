/**
 * Walks a directory tree of the host, as bytes and without following links.
 *
 * @module
 */
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs'
import { type ByteString, join, toBytes } from './names.ts'

/** One name that was found. */
export interface Found {
  /** Below the root; empty for the root itself. */
  readonly path: ByteString
  readonly stat: BigIntStats
  /** Something else is mounted on it: what it holds is not part of the tree. */
  readonly mounted: boolean
}

/**
 * The root, then each directory's members that are no directories, then those that are, each followed
 * by what is in it. Synchronous: give up the thread between members.
 *
 * @param root absolute path of a directory
 * @param mounts mount points below it, relative; they are listed but not entered
 * @throws NodeJS.ErrnoException when something cannot be read, or goes away
 */
export function* walk(root: ByteString, mounts: ReadonlySet<ByteString>): Generator<Found> {
  const place = (path: ByteString) => toBytes(path === '' ? root : `${root}/${path}`)
  const find = (path: ByteString): Found => ({
    path,
    stat: lstatSync(place(path), { bigint: true }),
    mounted: mounts.has(path),
  })
  // A stack, not recursion: trees may be deeper than generators nest well.
  const directories: Found[] = [find('')]
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    yield next
    if (next.mounted) continue
    const below: Found[] = []
    for (const name of readdirSync(place(next.path), { encoding: 'latin1' })) {
      const found = find(join(next.path, name))
      if (found.stat.isDirectory()) below.push(found)
      else yield found
    }
    directories.push(...below.reverse())
  }
}
