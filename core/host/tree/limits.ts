/**
 * How much an archive may ask for before it is refused. Pure data.
 *
 * @module
 */
import { PATH_BYTES } from './names.ts'

export interface TreeLimits {
  /** Members of one tree; each costs some memory while it is written. */
  readonly members: number
  /** Components of one path. */
  readonly depth: number
  /** One extended header or long name, in bytes. */
  readonly headerBytes: number
  /** Apparent size of one file, holes included, in bytes. */
  readonly fileBytes: number
  /** What may follow the end of an archive (padding), in bytes. */
  readonly trailingBytes: number
}

export const treeLimits: TreeLimits = {
  members: 4_000_000,
  depth: Math.ceil(PATH_BYTES / 2),
  headerBytes: 4 << 20,
  fileBytes: 2 ** 43,
  trailingBytes: 64 << 20,
}
