/**
 * Failures of batch sessions as errors of ours.
 *
 * @module
 */
import { errors, type VServerError } from '../errors.ts'
import { OpFailure, PlanRefused, SessionLost } from '../plan/failure.ts'
import { fullDiskHint } from './full_disk.ts'

const namespacesHint =
  'the limit on namespaces is reached: raise user.max_user_namespaces and the like (sysctl user)'

/** What to do when a guest's limits exceed what the caller may set. */
export const hardLimitsHint =
  'raise the hard limits of the calling shell (see ulimit -H -a), then try again'

/** Turns what `session.run` throws into a VServerError; `undefined` for anything else. Pure. */
export function fromSession(thrown: unknown): VServerError | undefined {
  if (thrown instanceof OpFailure) return fromOp(thrown)
  if (thrown instanceof PlanRefused) {
    return errors.E_PLAN(thrown.message, {
      hint: 'this is a mistake of vserver: please report it with this message',
      details: { refusal: thrown.refusal, op: thrown.op },
      cause: thrown,
    })
  }
  if (thrown instanceof SessionLost) return errors.E_EXECUTOR(thrown.message, { cause: thrown })
  return undefined
}

function fromOp(failure: OpFailure): VServerError {
  const { errnoName, call, phrase, message } = failure
  const info = { details: { errno: errnoName, call, phrase }, cause: failure }
  // namespaces(7): no more of a kind may be made
  if (errnoName === 'ENOSPC' && (call === 'clone' || call === 'unshare')) {
    return errors.E_HOST(message, { ...info, hint: namespacesHint })
  }
  // A plan may have been made when the limits of the caller were higher.
  if (errnoName === 'EPERM' && call === 'prlimit64') {
    return errors.E_HOST(message, { ...info, hint: hardLimitsHint })
  }
  if (errnoName === 'ENOSPC' || errnoName === 'EDQUOT') {
    return errors.E_DISK_FULL(`Cannot ${phrase}: no space is left`, {
      ...info,
      hint: fullDiskHint,
    })
  }
  return errors.E_OP(message, info)
}
