/**
 * What a guest's processes may ask of the kernel. Pure data.
 *
 * The user namespace is the boundary; this list takes away what reaches the kernel's less tried
 * parts or is not bounded by namespaces. A guest's init has the capabilities of a whole system over
 * its own namespaces, so mounting, unsharing, joining and chroot are allowed.
 *
 * Denied calls fail with EPERM. Numbers that the table does not have fail with ENOSYS, so that the
 * C library falls back as it would on an older kernel. Calls in the i386 manner and x32 calls fail
 * with ENOSYS too: the 32-bit entries double the surface and would need a table of their own; a
 * guest's 32-bit programs do not run.
 *
 * @module
 */
import { TIOCLINUX, TIOCSTI } from '../constants.ts'
import { errno } from '../errno.ts'
import { isSyscall, type SyscallName } from '../syscalls.ts'
import { allowed, exceptions } from './allowed.ts'
import type { Action, Policy } from './types.ts'

const allow: Action = { kind: 'allow' }
const fail = (name: keyof typeof errno): Action => ({ kind: 'errno', errno: errno[name] })

/**
 * Calls that container engines would allow with the capabilities that guests keep, or that are well
 * known for escapes, and why guests do not get them. They fail with EPERM, but for those of {@link
 * absent}.
 */
export const denied = {
  acct: "process accounting is the whole kernel's",
  add_key: 'keyrings are not fully bounded by namespaces',
  bpf: 'the verifier is too much surface; systemd works without it',
  clock_settime: "the wall clock is the host's",
  delete_module: "modules are the whole kernel's",
  finit_module: "modules are the whole kernel's",
  init_module: "modules are the whole kernel's",
  io_uring_enter: 'a second way into most of the kernel, past this filter',
  io_uring_register: 'a second way into most of the kernel, past this filter',
  io_uring_setup: 'a second way into most of the kernel, past this filter',
  ioperm: 'ports are hardware',
  iopl: 'ports are hardware',
  kexec_file_load: "replaces the host's kernel",
  kexec_load: "replaces the host's kernel",
  keyctl: 'keyrings are not fully bounded by namespaces',
  lookup_dcookie: 'serves a profiler of the whole host',
  open_by_handle_at: 'opens files past their paths',
  perf_event_open: 'measures the whole host',
  quotactl: "quotas are of the host's file systems",
  quotactl_fd: "quotas are of the host's file systems",
  request_key: "starts a helper of the host's",
  settimeofday: "the wall clock is the host's",
  swapoff: "swap is the whole kernel's",
  swapon: "swap is the whole kernel's",
  syslog: "the kernel log is the host's, and readable where kernel.dmesg_restrict is 0",
  userfaultfd: 'lets user code stop the kernel in the middle of a copy',
} as const satisfies Readonly<Partial<Record<SyscallName, string>>>

/**
 * Denied calls that fail with ENOSYS, because their callers then do without: the kernel keyrings.
 */
export const absent: readonly SyscallName[] = ['add_key', 'keyctl', 'request_key']

/**
 * Address families of socket(2). Missing are those that have no namespaces or reach past the guest
 * (AF_VSOCK talks to the hypervisor, AF_ALG to the kernel's crypto) and long unused ones; they fail
 * with EAFNOSUPPORT as on a kernel built without them.
 */
export const socketFamilies: readonly number[] = [
  ...Array(12).keys(),
  ...[
    13,
    14,
    15,
    16,
    17,
    18,
    21,
    22,
    24,
    26,
    27,
    28,
    29,
    30,
    31,
    32,
    33,
    35,
    36,
    39,
    41,
    42,
    43,
    44,
    45,
  ],
]

/**
 * What personality(2) may be given: Linux, 32-bit Linux, either with the 2.6 uname, and the
 * question.
 */
export const personalities: readonly number[] = [0, 8, 0x20000, 0x20008, 0xffffffff]

/**
 * The default policy of guests.
 *
 * TIOCSTI and TIOCLINUX are refused although that makes the kernel run the filter for each ioctl(2)
 * (13 instructions; measured: 18 ns more than a remembered verdict): a terminal of the host's that
 * is handed down by mistake must not become a keyboard. The request is compared in its low 32 bits,
 * which are all that the kernel reads.
 */
export const guestPolicy: Policy = {
  rules: [
    {
      calls: [...Object.values(allowed).flat(), ...Object.keys(exceptions).filter(isSyscall)],
      action: allow,
    },
    {
      calls: ['ioctl'],
      when: [{ index: 1, test: 'not-in', values: [TIOCSTI, TIOCLINUX] }],
      action: allow,
    },
    { calls: ['socket'], when: [{ index: 0, test: 'in', values: socketFamilies }], action: allow },
    { calls: ['socket'], action: fail('EAFNOSUPPORT') },
    {
      calls: ['personality'],
      when: [{ index: 0, test: 'in', values: personalities }],
      action: allow,
    },
    { calls: absent, action: fail('ENOSYS') },
  ],
  denied: fail('EPERM'),
  unknown: fail('ENOSYS'),
  foreign: fail('ENOSYS'),
}
