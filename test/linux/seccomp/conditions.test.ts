/** Conditions and long programs, against a plain evaluation of the same rules. */
import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
import { compileFilter, verdictOf, x86_64 } from '../../../core/linux/seccomp/compile.ts'
import { simulate } from '../../../core/linux/seccomp/simulate.ts'
import type { Condition, Policy, Rule } from '../../../core/linux/seccomp/types.ts'
import { sockFilter } from '../../../core/linux/structs.ts'
import { isSyscall, syscall } from '../../../core/linux/syscalls.ts'

const test = suite('conditions and long filters')

const edge = [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x100000001n]
const values = [...edge, 0x1_80000000n, 0xffffffff_00000000n, 0xffffffff_fffffffen, 2n ** 64n - 1n]

function holds(condition: Condition, args: readonly bigint[]): boolean {
  const argument = args[condition.index] ?? 0n
  switch (condition.test) {
    case 'equal':
      return argument === condition.value
    case 'not-equal':
      return argument !== condition.value
    case 'less':
      return argument < condition.value
    case 'at-most':
      return argument <= condition.value
    case 'greater':
      return argument > condition.value
    case 'at-least':
      return argument >= condition.value
    case 'masked-equal':
      return (argument & condition.mask) === condition.value
    case 'in':
      return condition.values.some((value) => BigInt(value) === (argument & 0xffffffffn))
    case 'not-in':
      return !condition.values.some((value) => BigInt(value) === (argument & 0xffffffffn))
    default:
      return condition satisfies never
  }
}

function evaluate(policy: Policy, name: string, args: readonly bigint[]): number {
  const rule = policy.rules.find((one) =>
    one.calls.some((call) => call === name) && (one.when ?? []).every((when) => holds(when, args))
  )
  return verdictOf(rule?.action ?? policy.denied) >>> 0
}

const policyOf = (rules: readonly Rule[]): Policy => ({
  rules,
  denied: { kind: 'errno', errno: 1 },
  unknown: { kind: 'errno', errno: 38 },
  foreign: { kind: 'kill-process' },
})

function check(policy: Policy, name: keyof typeof syscall, filter: Uint8Array, args: bigint[]) {
  const { verdict } = simulate(filter, { nr: syscall[name], arch: k.AUDIT_ARCH_X86_64, args })
  const wanted = evaluate(policy, name, args)
  if (verdict >>> 0 !== wanted) {
    assert.unreachable(
      `${name}(${args.join()}): ${verdict.toString(16)}, not ${wanted.toString(16)}`,
    )
  }
}

test('each kind of condition holds when it should', () => {
  const kinds = ['equal', 'not-equal', 'less', 'at-most', 'greater', 'at-least'] as const
  const masks = [0n, 1n, 0xffffffffn, 0xff00000000n, 0x8000000080000000n, 2n ** 64n - 1n]
  const conditions: Condition[] = [
    ...kinds.flatMap((kind) => values.map((value) => ({ index: 3, test: kind, value }) as const)),
    ...masks.flatMap((mask) =>
      values.map((value) =>
        ({ index: 3, test: 'masked-equal', mask, value: value & mask }) as const
      )
    ),
    { index: 3, test: 'masked-equal', mask: 1n, value: 2n },
    ...(['in', 'not-in'] as const).flatMap((kind) =>
      [[], [0], [1, 5, 6, 0x80000000], [0xffffffff], [0, 0xffffffff]].map((list) =>
        ({ index: 3, test: kind, values: list }) as const
      )
    ),
  ]
  for (const when of conditions) {
    const policy = policyOf([{ calls: ['read'], action: { kind: 'allow' }, when: [when] }])
    const filter = compileFilter(policy, x86_64)
    for (const value of [...values, 2n, 5n, 6n]) check(policy, 'read', filter, [0n, 1n, 2n, value])
  }
})

test('several conditions must all hold, and the first rule that holds decides', () => {
  const policy = policyOf([
    {
      calls: ['read', 'write'],
      action: { kind: 'errno', errno: 5 },
      when: [
        { index: 0, test: 'at-least', value: 10n },
        { index: 5, test: 'less', value: 0x100000000n },
      ],
    },
    { calls: ['read'], action: { kind: 'log' }, when: [{ index: 0, test: 'equal', value: 10n }] },
    { calls: ['write'], action: { kind: 'trap' }, when: [{ index: 5, test: 'in', values: [7] }] },
    { calls: ['read'], action: { kind: 'allow' } },
  ])
  const filter = compileFilter(policy, x86_64)
  for (const name of ['read', 'write', 'open'] as const) {
    for (const first of [9n, 10n, 11n, 2n ** 40n]) {
      for (const last of [0n, 7n, 0xffffffffn, 0x100000000n, 0x100000007n]) {
        check(policy, name, filter, [first, 0n, 0n, 0n, 0n, last])
      }
    }
  }
})

/** A policy in which every call has its own conditions, so that nothing is shared. */
const long = (calls: number) =>
  policyOf(
    Object.entries(syscall).flatMap(([name, number]): Rule[] =>
      isSyscall(name) && number < calls
        ? [{
          calls: [name],
          action: { kind: 'errno', errno: number % 200 + 2 },
          when: [{ index: 1, test: 'greater', value: BigInt(number) << 31n }],
        }, {
          calls: [name],
          action: { kind: 'allow' },
          when: [{ index: 0, test: 'not-equal', value: BigInt(number) }],
        }]
        : []
    ),
  )

test('jumps farther than 255 instructions arrive', () => {
  const policy = long(300)
  const filter = compileFilter(policy, x86_64)
  const count = filter.length / sockFilter.size
  assert.ok(count > 3000 && count <= 4096, `${count} instructions`)
  for (const [name, number] of Object.entries(syscall)) {
    if (!isSyscall(name)) continue
    const bound = BigInt(number) << 31n
    for (const second of [0n, bound, bound + 1n, bound + (1n << 33n)]) {
      for (const first of [BigInt(number), 12345n]) check(policy, name, filter, [first, second])
    }
  }
})

test('a filter longer than the kernel takes is refused', () => {
  assert.throws(() => compileFilter(long(1000), x86_64), /instructions; the kernel takes 4096/)
})

test.run()
