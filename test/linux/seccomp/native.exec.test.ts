import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
import { errno } from '../../../core/linux/errno.ts'
import { compileFilter, x86_64 } from '../../../core/linux/seccomp/compile.ts'
import type { Rule } from '../../../core/linux/seccomp/types.ts'
import { sockFilter } from '../../../core/linux/structs.ts'
import { absent, guestPolicy } from '../../../core/linux/seccomp/policy.ts'
import { isSyscall, syscall, type SyscallName } from '../../../core/linux/syscalls.ts'
import { native } from '../native/compile.ts'

const test = suite('the filter in the kernel', { needs: ['test-tools'] })

const filter = compileFilter(guestPolicy, x86_64)
const permitted = new Set<string>(
  guestPolicy.rules.filter((rule) => rule.action.kind === 'allow').flatMap((rule) => rule.calls),
)

/** Results of some calls under the filter; `call` is `NR[:ARG0[:ARG1]]`. */
function results(calls: readonly (string | number)[], bytes = filter): number[] {
  return native('seccomp').run(calls.map(String), bytes).map(Number)
}

test("every denied call fails with the policy's error", () => {
  const names = Object.keys(syscall).filter(isSyscall).filter((name) => !permitted.has(name))
  const wanted = names.map((name) => absent.includes(name) ? -errno.ENOSYS : -errno.EPERM)
  assert.ok(names.length > 30)
  assert.equal(results(names.map((name) => syscall[name])), wanted)
})

test('numbers that the table does not have fail with ENOSYS', () => {
  const numbers = [334 + 20, 423, 470, 500, 511, 548, 1023, 4096, 0x7fffffff]
  assert.equal(results(numbers), numbers.map(() => -errno.ENOSYS))
})

test('x32 calls fail with ENOSYS', () => {
  const x32 = (nr: number) => 0x40000000 + nr
  assert.equal(
    results([x32(syscall.getpid), x32(512), x32(520)]),
    Array<number>(3).fill(-errno.ENOSYS),
  )
})

test('i386 calls fail with ENOSYS', () => {
  assert.equal(results(['i386:20', 'i386:1000']), Array<number>(2).fill(-errno.ENOSYS))
}, { needs: ['ia32'] })

test('allowed calls reach the kernel', () => {
  const badFd = 0xffffffff
  assert.equal(
    results([
      `${syscall.close}:${badFd}`,
      `${syscall.setns}:${badFd}`,
      `${syscall.fsmount}:${badFd}`,
      `${syscall.openat2}:${badFd}`,
      `${syscall.unshare}:0`,
      syscall.mount,
      syscall.sched_yield,
    ]),
    [
      -errno.EBADF,
      -errno.EBADF,
      -errno.EBADF,
      -errno.EINVAL,
      0,
      -errno.EFAULT,
      0,
    ],
  )
})

test('arguments decide for ioctl, socket and personality', () => {
  const badFd = 0xffffffff
  const high = (value: number) => String((1n << 32n) | BigInt(value))
  assert.equal(
    results([
      `${syscall.ioctl}:${badFd}:${k.TIOCSTI}`,
      `${syscall.ioctl}:${badFd}:${high(k.TIOCSTI)}`,
      `${syscall.ioctl}:${badFd}:${k.TIOCLINUX}`,
      `${syscall.ioctl}:${badFd}:${k.TCGETS}`,
      `${syscall.socket}:${k.AF_VSOCK}:${k.SOCK_STREAM}`,
      `${syscall.socket}:${k.AF_ALG}:${k.SOCK_STREAM}`,
      `${syscall.socket}:${k.AF_UNIX}:12345`,
      `${syscall.personality}:${0xffffffff}`,
      `${syscall.personality}:${k.ADDR_NO_RANDOMIZE}`,
    ]),
    [
      -errno.EPERM,
      -errno.EPERM,
      -errno.EPERM,
      -errno.EBADF,
      -errno.EAFNOSUPPORT,
      -errno.EAFNOSUPPORT,
      -errno.EINVAL,
      0,
      -errno.EPERM,
    ],
  )
})

test('the kernel takes long filters and decides as they say', () => {
  const own = (name: SyscallName, number: number): Rule => ({
    calls: [name],
    action: { kind: 'errno', errno: number % 200 + 1 },
    when: [{ index: 0, test: 'greater', value: BigInt(number) << 32n }, {
      index: 1,
      test: 'masked-equal',
      mask: 0xff000000ffn,
      value: BigInt(number % 256),
    }],
  })
  const names = Object.keys(syscall).filter(isSyscall).filter((name) => syscall[name] < 300)
  const rules = names.map((name) => own(name, syscall[name]))
  const everything: Rule = { calls: names, action: { kind: 'allow' } }
  const allow = { kind: 'allow' } as const
  const policy = { rules: [...rules, everything], denied: allow, unknown: allow, foreign: allow }
  const long = compileFilter(policy, x86_64)
  assert.ok(long.length / sockFilter.size > 2000)
  const first = (1n << 63n).toString()
  const calls = names.map((name) => `${syscall[name]}:${first}:${syscall[name] % 256}`)
  const wanted = names.map((name) => -(syscall[name] % 200 + 1))
  assert.equal(results(calls, long), wanted)
})

test.run()
