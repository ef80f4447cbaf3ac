/**
 * Identity of a tree on the host.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { byteString } from './names.ts'
import { readMountsBelow } from './mounts.ts'
import { type Found, walk } from './walk.ts'

const BATCH = 2000

/**
 * SHA-256 over path, inode number, mode, owner, size, mtime and ctime of every name, sorted by path.
 * No content is read: a change of any moves the ctime, which nobody can set back.
 *
 * @param root absolute path of a directory, resolved
 * @returns 64 hex digits
 */
export async function digestTree(root: string, signal?: AbortSignal): Promise<string> {
  const lines: string[] = []
  const place = byteString(root)
  for (const found of walk(place, readMountsBelow(place))) {
    lines.push(describe(found))
    if (lines.length % BATCH === 0) {
      await setImmediate()
      signal?.throwIfAborted()
    }
  }
  const hash = createHash('sha256')
  for (const line of lines.sort()) hash.update(line, 'latin1')
  return hash.digest('hex')
}

/** No path holds a NUL, so lines cannot be mistaken for one another. */
function describe({ path, stat, mounted }: Found): string {
  const { ino, mode, uid, gid, size, mtimeNs, ctimeNs, rdev } = stat
  // What is mounted there has times of its own: those of /proc are always now.
  const numbers = mounted ? [mode] : [ino, mode, uid, gid, size, mtimeNs, ctimeNs, rdev]
  return `${path}\0${numbers.join(' ')}\n`
}
