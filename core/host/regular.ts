import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

/** What a path holds: nothing, a file, or something else in its place. */
export type Read =
  | { readonly kind: 'absent' }
  | { readonly kind: 'read'; readonly bytes: Buffer }
  | { readonly kind: 'other'; readonly problem: string }

/** Nothing that vserver or a person writes is larger. */
const largestBytes = 16 * 2 ** 20

/**
 * Reads a whole file. A pipe or a device in its place is not read, and opening it does not wait; of a file
 * that is too large nothing is read.
 *
 * @param options `follow`: whether a link stands for the file that it leads to
 */
export function readRegular(path: string, { follow = true }: { follow?: boolean } = {}): Read {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW)
  let fd: number
  try {
    fd = openSync(path, flags)
  } catch (error) {
    switch (error instanceof Error && 'code' in error ? error.code : undefined) {
      case 'ENOENT':
      case 'ENOTDIR':
        return { kind: 'absent' }
      case 'ELOOP':
      case 'ENXIO':
        return { kind: 'other', problem: 'it is not a file' }
      default:
        throw error
    }
  }
  try {
    const found = fstatSync(fd)
    if (!found.isFile()) return { kind: 'other', problem: 'it is not a file' }
    if (found.size <= largestBytes) return { kind: 'read', bytes: readFileSync(fd) }
    return { kind: 'other', problem: `expected at most ${largestBytes} bytes, not ${found.size}` }
  } finally {
    closeSync(fd)
  }
}
