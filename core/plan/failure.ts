/**
 * What can go wrong in a batch session, as errors.
 *
 * @module
 */
import { type Refusal, refusal, type Role } from './abi.ts'
import { errnoName } from '../linux/errno.ts'

/** Where and why an op failed. */
export interface OpFailureInfo {
  readonly program: Role
  /** Index in the ops of that program. */
  readonly op: number
  /** Positive error number. */
  readonly errno: number
  readonly phrase: string
  readonly call: string
  readonly step: number
}

/** An op of a plan failed: `Cannot attach tmpfs at "/mnt": move_mount failed with EPERM`. */
export class OpFailure extends Error implements OpFailureInfo {
  override readonly name = 'OpFailure'
  readonly program: Role
  readonly op: number
  readonly errno: number
  /** Name of the error number. */
  readonly errnoName: string
  readonly phrase: string
  readonly call: string
  readonly step: number

  constructor(info: OpFailureInfo) {
    super(`Cannot ${info.phrase}: ${info.call} failed with ${errnoName(info.errno)}`)
    this.program = info.program
    this.op = info.op
    this.errno = info.errno
    this.errnoName = errnoName(info.errno)
    this.phrase = info.phrase
    this.call = info.call
    this.step = info.step
  }
}

const refusalNames = new Map<number, string>(
  Object.entries(refusal).map(([name, value]) => [value, name]),
)

/** The verifier refused a plan: a mistake of the planner, not of the host. */
export class PlanRefused extends Error {
  override readonly name = 'PlanRefused'
  /** The name of the code in `abi.ts`, such as `DATA_RANGE`. */
  readonly refusal: Refusal | string
  /** Index in all ops of the plan; 0 when the reason lies before them. */
  readonly op: number

  constructor(code: number, op: number) {
    const refusal = refusalNames.get(code) ?? `refusal ${code}`
    super(`Cannot run a plan: the executor refused it at op ${op} (${refusal})`)
    this.refusal = refusal
    this.op = op
  }
}

/** The executor could not be started, died, or answered nonsense. */
export class SessionLost extends Error {
  override readonly name = 'SessionLost'
}
