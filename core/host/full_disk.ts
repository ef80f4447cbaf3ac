/**
 * Full disks: the system names the file when opening it fails, but not when writing does.
 *
 * @module
 */
import { errors } from '../errors.ts'
import { errno } from '../linux/errno.ts'

/** What to do about it, wherever it is met. */
export const fullDiskHint =
  'make room there (space or inodes), or keep the state elsewhere with --root'

/** Which lack of room made a call of Node's fail, if one did. Node has no name for EDQUOT. Pure. */
export function noRoomCode(error: unknown): 'ENOSPC' | 'EDQUOT' | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && error.code === 'ENOSPC') return 'ENOSPC'
  return 'errno' in error && error.errno === -errno.EDQUOT ? 'EDQUOT' : undefined
}

/**
 * Writes, and says what could not be written when there is no room for it.
 *
 * @param path the file as its owner knows it, not a temporary sibling
 * @throws {VServerError} E_DISK_FULL (ENOSPC, EDQUOT)
 */
export function namingFullDisk<T>(path: string, write: () => T): T {
  try {
    return write()
  } catch (cause) {
    const code = noRoomCode(cause)
    if (code === undefined) throw cause
    const why = code === 'ENOSPC' ? 'its file system is full' : 'the disk quota is used up'
    throw errors.E_DISK_FULL(`Cannot write "${path}": ${why}`, {
      hint: fullDiskHint,
      details: { path, errno: code },
      cause,
    })
  }
}
