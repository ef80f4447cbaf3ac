import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
import { errno } from '../../../core/linux/errno.ts'
import {
  aarch64,
  type Architecture,
  compileFilter,
  x86_64,
} from '../../../core/linux/seccomp/compile.ts'
import { guestPolicy, personalities, socketFamilies } from '../../../core/linux/seccomp/policy.ts'
import { absent } from '../../../core/linux/seccomp/policy.ts'
import { simulate } from '../../../core/linux/seccomp/simulate.ts'
import { sockFilter } from '../../../core/linux/structs.ts'
import { isSyscall, syscall } from '../../../core/linux/syscalls.ts'

const test = suite('compileFilter()')

const fails = (number: number) => (k.SECCOMP_RET_ERRNO | number) >>> 0
const ENOSYS = fails(errno.ENOSYS)
const EPERM = fails(errno.EPERM)
const X32 = 0x40000000
const conditional = new Set<string>(['ioctl', 'socket', 'personality'])
const allowed = new Set<string>(
  guestPolicy.rules.filter((rule) => rule.action.kind === 'allow').flatMap((rule) => rule.calls),
)

const numbers = [
  ...Array(1024).keys(),
  ...[10, 12, 16, 20, 24, 28, 29, 30, 31].flatMap((bit) => [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]),
  ...[...Array(1024).keys()].map((number) => X32 + number),
  0xfffffffe,
  0xffffffff,
]
const filters: readonly (readonly [string, Architecture])[] = [
  ['x86-64', x86_64],
  ['aarch64', aarch64],
]
const arches = [
  k.AUDIT_ARCH_X86_64,
  k.AUDIT_ARCH_I386,
  k.AUDIT_ARCH_AARCH64,
  k.AUDIT_ARCH_ARM,
  k.AUDIT_ARCH_RISCV64,
  0,
  0xffffffff,
]

/** What the policy says, worked out without the compiler. */
function expected(architecture: Architecture, arch: number, number: number): number {
  if (arch !== architecture.audit) return ENOSYS
  const name = Object.entries(architecture.numbers).find(([, value]) => value === number)?.[0]
  if (name === undefined) return ENOSYS
  if (allowed.has(name)) return k.SECCOMP_RET_ALLOW
  return isSyscall(name) && absent.includes(name) ? ENOSYS : EPERM
}

for (const [title, architecture] of filters) {
  const filter = compileFilter(guestPolicy, architecture)

  test(`${title}: every number on every architecture gets the policy's verdict`, () => {
    for (const arch of arches) {
      for (const nr of numbers) {
        // Arguments that meet the conditions: family 1, personality 1 is not one, so 0 there.
        const first = nr === architecture.numbers.socket ? 1n : 0n
        const { verdict } = simulate(filter, { nr, arch, args: [first] })
        const wanted = expected(architecture, arch, nr)
        if (verdict >>> 0 !== wanted) {
          assert.unreachable(
            `${nr} on ${arch.toString(16)}: ${verdict.toString(16)}, not ${wanted}`,
          )
        }
      }
    }
  })

  test(`${title}: verdicts without a condition are such that the kernel can remember`, () => {
    const dependent = Object.entries(architecture.numbers).filter(([, nr]) =>
      !simulate(filter, { nr, arch: architecture.audit }).constant
    )
    assert.equal(dependent.map(([name]) => name).sort(), [...conditional].sort())
  })

  test(`${title}: is short, and decides within twelve comparisons`, () => {
    const count = filter.length / sockFilter.size
    assert.ok(count < 230, `${count} instructions`)
    const steps = Object.entries(architecture.numbers).filter(([name]) => !conditional.has(name))
      .map(([, nr]) => simulate(filter, { nr, arch: architecture.audit }).steps)
    assert.ok(Math.max(...steps) <= 3 + 1 + 12, `${Math.max(...steps)} steps`)
  })
}

const filter = compileFilter(guestPolicy, x86_64)
const verdict = (name: keyof typeof syscall, ...args: bigint[]) =>
  simulate(filter, { nr: syscall[name], arch: k.AUDIT_ARCH_X86_64, args }).verdict >>> 0

test('ioctl: TIOCSTI and TIOCLINUX fail, also behind a high bit', () => {
  for (const request of [k.TIOCSTI, k.TIOCLINUX]) {
    for (const high of [0n, 1n, 0xffffffffn]) {
      assert.is(verdict('ioctl', 0n, BigInt(request) | (high << 32n)), EPERM)
    }
    assert.is(verdict('ioctl', BigInt(request), BigInt(request) - 1n), k.SECCOMP_RET_ALLOW)
    assert.is(verdict('ioctl', 0n, BigInt(request) + 1n), k.SECCOMP_RET_ALLOW)
  }
  assert.is(verdict('ioctl', 0n, 0xffffffffffffffffn), k.SECCOMP_RET_ALLOW)
})

test('socket: only families of the list, the others as if the kernel had none', () => {
  for (let family = 0; family < 300; family++) {
    const wanted = socketFamilies.includes(family) ? k.SECCOMP_RET_ALLOW : fails(errno.EAFNOSUPPORT)
    assert.is(verdict('socket', BigInt(family)), wanted)
    assert.is(verdict('socket', BigInt(family) | (7n << 32n)), wanted)
  }
  assert.is(verdict('socket', 0xffffffffn), fails(errno.EAFNOSUPPORT))
})

test('personality: only the harmless values', () => {
  for (const value of personalities) {
    assert.is(verdict('personality', BigInt(value)), k.SECCOMP_RET_ALLOW)
  }
  for (const value of [1, 9, 0x40000, 0x400000, 0xfffffffe]) {
    assert.is(verdict('personality', BigInt(value)), EPERM)
  }
})

test.run()
