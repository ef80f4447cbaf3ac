/**
 * Compiles a policy to a seccomp filter. Pure.
 *
 * The filter checks the architecture and then searches the number in a balanced tree over ranges. A
 * call that is allowed whatever its arguments reaches its verdict without loading anything but
 * `arch` and `nr`: the kernel (5.11 and later) then remembers the verdict and does not run the
 * filter again.
 *
 * x32 calls carry bit 30 in their number and so are unknown numbers; calls in the i386 manner come
 * with another `arch`.
 *
 * @module
 */
import * as k from '../constants.ts'
import { seccompData } from '../structs.ts'
import { syscall, type SyscallName } from '../syscalls.ts'
import { syscallArm64 } from '../syscalls_arm64.ts'
import { assemble, type Node } from './assemble.ts'
import { conditionTree } from './condition.ts'
import { search, segmentsOf, type Verdicts, verdicts } from './search.ts'
import type { Action, Policy, Rule } from './types.ts'

/** An architecture that filters can be made for. */
export interface Architecture {
  /** AUDIT_ARCH_*. */
  readonly audit: number
  readonly numbers: Readonly<Partial<Record<SyscallName, number>>>
}

export const x86_64: Architecture = { audit: k.AUDIT_ARCH_X86_64, numbers: syscall }
export const aarch64: Architecture = { audit: k.AUDIT_ARCH_AARCH64, numbers: syscallArm64 }

/** SECCOMP_RET_* of an action. Pure. */
export function verdictOf(action: Action): number {
  switch (action.kind) {
    case 'allow':
      return k.SECCOMP_RET_ALLOW
    case 'log':
      return k.SECCOMP_RET_LOG
    case 'errno':
      return k.SECCOMP_RET_ERRNO | action.errno
    case 'trap':
      return k.SECCOMP_RET_TRAP
    case 'kill-thread':
      return k.SECCOMP_RET_KILL_THREAD
    case 'kill-process':
      return k.SECCOMP_RET_KILL_PROCESS
    default:
      return action satisfies never
  }
}

/** The rules of one call, the first that holds deciding. */
function callTree(rules: readonly Rule[], denied: Action, verdict: Verdicts): Node {
  return rules.reduceRight<Node>((no, rule) => {
    const yes = verdict(verdictOf(rule.action))
    return (rule.when ?? []).reduceRight<Node>(
      (match, condition) => conditionTree(condition, { yes: match, no }),
      yes,
    )
  }, verdict(verdictOf(denied)))
}

/**
 * The filter as `struct sock_filter[]`, ready for seccomp(2). Pure.
 *
 * @throws {RangeError} when it would be longer than the kernel takes
 */
export function compileFilter(policy: Policy, architecture: Architecture): Uint8Array<ArrayBuffer> {
  const verdict = verdicts()
  // Indices of the rules of each call, in order.
  const rulesOf = new Map<string, number[]>()
  for (const [index, rule] of policy.rules.entries()) {
    for (const name of rule.calls) {
      const list = rulesOf.get(name)
      if (list === undefined) rulesOf.set(name, [index])
      else if (list.at(-1) !== index) list.push(index)
    }
  }
  // Calls under the same rules share one tree, which makes them one segment where they are
  // neighbours.
  const trees = new Map<string, Node>()
  const entries = new Map<number, Node>()
  for (const [name, number] of Object.entries(architecture.numbers)) {
    const indices = rulesOf.get(name) ?? []
    const key = indices.join()
    const rules = indices.flatMap((index) => policy.rules[index] ?? [])
    const tree = trees.get(key) ?? callTree(rules, policy.denied, verdict)
    trees.set(key, tree)
    entries.set(number, tree)
  }
  const byNumber = search(segmentsOf(entries, verdict(verdictOf(policy.unknown))))
  return assemble({
    kind: 'load',
    offset: seccompData.at('arch').offset,
    next: {
      kind: 'test',
      test: 'equal',
      value: architecture.audit,
      yes: { kind: 'load', offset: seccompData.at('nr').offset, next: byNumber },
      no: verdict(verdictOf(policy.foreign)),
    },
  })
}
