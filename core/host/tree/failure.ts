/**
 * Errors of writing a tree, in the words of a person who named an archive or a directory.
 *
 * @module
 */
import { statfsSync } from 'node:fs'
import { errno } from '../../linux/errno.ts'
import { errors, VServerError } from '../../errors.ts'
import { OpFailure } from '../../plan/failure.ts'
import { diskFull } from './budget.ts'
import { MemberFault } from './fault.ts'
import { type ByteString, showName } from './names.ts'

/** What is being done, as in `Cannot unpack "x.tar": …`. */
export interface TreeDeed {
  readonly verb: 'unpack' | 'copy'
  /** The archive or the directory. */
  readonly thing: string
}

/** The error of a deed that was interrupted. Pure. */
export function interrupted({ verb, thing }: TreeDeed): VServerError {
  return errors.E_INTERRUPTED(`Cannot ${verb} "${thing}": interrupted`)
}

const noRoom: ReadonlySet<number> = new Set([errno.ENOSPC, errno.EDQUOT])

/** Errors of reaching a file of a directory that was there a moment ago. */
const gone: ReadonlySet<number> = new Set([
  errno.ENOENT,
  errno.ELOOP,
  errno.ENOTDIR,
  errno.EXDEV,
  errno.ENXIO,
  errno.EINVAL,
  errno.ESTALE,
])

const copying: ReadonlySet<string> = new Set(['copy_file_range', 'sendfile'])

/**
 * Makes errors for people; what is one already stays as it is.
 *
 * @returns a function of what was thrown and the member that it was thrown at
 */
export function explainer(
  deed: TreeDeed,
  destination: string,
): (thrown: unknown, member: ByteString | undefined) => unknown {
  const what = `${deed.verb} "${deed.thing}"`
  const bad = deed.verb === 'unpack' ? errors.E_ARCHIVE : errors.E_SOURCE
  return (thrown, member) => {
    const name = member === undefined || member === '' ? undefined : showName(member)
    const info = { details: { thing: deed.thing, ...(name && { member: name }) }, cause: thrown }
    const say = (detail: string) =>
      `Cannot ${what}: ${name === undefined ? '' : `"${name}": `}${detail}`
    if (thrown instanceof MemberFault) return bad(say(thrown.message), info)
    if (!(thrown instanceof OpFailure)) return thrown
    const { call, errno: number } = thrown
    const short = number === errno.EIO && (call === 'write' || copying.has(call))
    if (noRoom.has(number) || (short && isFull(destination))) {
      return diskFull(what, { directory: destination, cause: thrown })
    }
    const changed = deed.verb === 'copy' && gone.has(number) && /^open|^copy|^sendfile/.test(call)
    if (changed || (short && call !== 'write')) {
      return bad(say('it changed while it was being copied'), info)
    }
    return errors.E_OP(say(`${call} failed with ${thrown.errnoName}`), info)
  }
}

/** A short write or copy says no errno: whether a full disk was the reason shows what is left. */
function isFull(directory: string): boolean {
  const { bfree, bsize } = statfsSync(directory)
  return bfree * bsize < 1 << 20
}
