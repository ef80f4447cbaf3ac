/**
 * Which names below a directory are mount points.
 *
 * @module
 * @see proc_pid_mountinfo(5)
 */
import { readFileSync } from 'node:fs'
import type { ByteString } from './names.ts'

/** Mount points strictly below `directory` (absolute, resolved), relative to it. Pure. */
export function mountsBelow(mountinfo: ByteString, directory: ByteString): ReadonlySet<ByteString> {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`
  const found = new Set<ByteString>()
  for (const line of mountinfo.split('\n')) {
    const point = (line.split(' ')[4] ?? '').replace(
      /\\([0-7]{3})/g,
      (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)),
    )
    if (point.startsWith(prefix) && point !== prefix) found.add(point.slice(prefix.length))
  }
  return found
}

/** Reads this process's mounts. */
export function readMountsBelow(directory: ByteString): ReadonlySet<ByteString> {
  return mountsBelow(readFileSync('/proc/self/mountinfo', 'latin1'), directory)
}
