/**
 * Whether a tree still fits: counts what is written against what was free, so that an archive that
 * unpacks to more than the disk holds is refused before the disk is full for everybody else.
 *
 * @module
 */
import { statfs } from 'node:fs/promises'
import { errors, type VServerError } from '../../errors.ts'

/** Left free for others: a hundredth of the file system, and at least this, in bytes. */
const RESERVE_BYTES = 8 << 20

export interface Budget {
  /**
   * Counts a run of data, rounded up to blocks.
   *
   * @throws {VServerError} E_DISK_FULL when more is asked for than was free
   */
  spend(bytes: number): void
}

/** @param what `unpack "x.tar"`, for messages */
export async function readBudget(directory: string, what: string): Promise<Budget> {
  const { bavail, blocks, bsize } = await statfs(directory)
  const free = Math.max(0, bavail * bsize - Math.max(RESERVE_BYTES, (blocks * bsize) / 100))
  let spent = 0
  return {
    spend(bytes) {
      spent += Math.ceil(bytes / bsize) * bsize
      if (spent > free) throw diskFull(what, { directory, free })
    },
  }
}

/** The error for a file system that has no room; `free` in bytes where it is known. */
export function diskFull(
  what: string,
  { directory, free, cause }: { directory: string; free?: number; cause?: unknown },
): VServerError {
  const detail = free === undefined
    ? `the file system of "${directory}" is full`
    : `it needs more than the ${Math.floor(free / 2 ** 20)} MiB that can be used in "${directory}"`
  return errors.E_DISK_FULL(`Cannot ${what}: ${detail}`, {
    hint: 'make room (space or inodes), or use another state directory with --root',
    details: { directory },
    cause,
  })
}
