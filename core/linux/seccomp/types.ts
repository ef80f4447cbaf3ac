/**
 * What a seccomp filter shall do, in words. Pure data.
 *
 * @module
 */
import type { SyscallName } from '../syscalls.ts'

/** What happens to a system call. */
export type Action =
  | { readonly kind: 'allow' }
  /** It is allowed and logged by the kernel. */
  | { readonly kind: 'log' }
  /** It fails with this error. */
  | { readonly kind: 'errno'; readonly errno: number }
  | { readonly kind: 'trap' }
  | { readonly kind: 'kill-thread' }
  | { readonly kind: 'kill-process' }

/**
 * A condition on an argument, unsigned. `in` and `not-in` look at the low 32 bits alone, as the
 * kernel does with `int` arguments: compared with all 64, a caller could hide the value behind a
 * high bit.
 */
export type Condition =
  | {
    readonly index: ArgumentIndex
    readonly test: 'equal' | 'not-equal' | 'less' | 'at-most' | 'greater' | 'at-least'
    readonly value: bigint
  }
  | {
    readonly index: ArgumentIndex
    readonly test: 'masked-equal'
    readonly mask: bigint
    readonly value: bigint
  }
  | {
    readonly index: ArgumentIndex
    readonly test: 'in' | 'not-in'
    readonly values: readonly number[]
  }

export type ArgumentIndex = 0 | 1 | 2 | 3 | 4 | 5

/** All conditions must hold. For each system call the first rule that holds decides. */
export interface Rule {
  readonly calls: readonly SyscallName[]
  readonly action: Action
  readonly when?: readonly Condition[]
}

export interface Policy {
  readonly rules: readonly Rule[]
  /** For system calls in the architecture's table that no rule decides. */
  readonly denied: Action
  /** For numbers that the table does not have, those of newer kernels among them. */
  readonly unknown: Action
  /** For calls made in the manner of any other architecture. */
  readonly foreign: Action
}
