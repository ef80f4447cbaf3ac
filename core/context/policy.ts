/**
 * What a guest may do and see by default. Pure data; the argument for each line stands beside it.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { capability, type CapabilityName } from '../linux/capabilities.ts'

/**
 * Capabilities that no guest has, over its own namespaces either: the kernel checks some of them against
 * the host as a whole, and programs inside that see them try what cannot work.
 */
const dropped: readonly CapabilityName[] = [
  'CAP_SYS_MODULE', // loads code into the shared kernel
  'CAP_SYS_RAWIO', // ports, kcore; systemd mounts debugfs where it has it
  'CAP_SYS_TIME', // the clock is the host's
  'CAP_SYSLOG', // the kernel log is the host's
  'CAP_MAC_ADMIN', // security policy is the host's
  'CAP_MAC_OVERRIDE',
  'CAP_WAKE_ALARM', // wakes the host
  'CAP_BLOCK_SUSPEND',
  'CAP_SYS_PACCT', // process accounting is the host's
  'CAP_AUDIT_CONTROL', // the audit log is the host's
  'CAP_AUDIT_READ',
  'CAP_BPF', // programs in the shared kernel
  'CAP_PERFMON',
  'CAP_CHECKPOINT_RESTORE',
]

/** Numbers of the capabilities that a guest keeps, in its own user namespace. */
export const keptCapabilities: readonly number[] = Object.entries(capability)
  .filter(([name]) => !dropped.some((one) => one === name))
  .map(([, number]) => number)

/** Files and directories that say something about the host, covered where the kernel has them. */
export const maskedPaths: readonly (readonly [path: string, how: 'file' | 'directory'])[] = [
  ['/proc/acpi', 'directory'],
  ['/proc/asound', 'directory'],
  ['/proc/scsi', 'directory'],
  ['/proc/interrupts', 'file'],
  ['/proc/kcore', 'file'],
  ['/proc/keys', 'file'],
  ['/proc/latency_stats', 'file'],
  ['/proc/sched_debug', 'file'],
  ['/proc/timer_list', 'file'],
  ['/proc/timer_stats', 'file'],
  ['/sys/firmware', 'directory'],
  ['/sys/devices/virtual/powercap', 'directory'],
]

/** What may be read and not written. The network's sysctls are the guest's own. */
export const readOnlyPaths: readonly (readonly [path: string, except?: string])[] = [
  ['/proc/bus'],
  ['/proc/fs'],
  ['/proc/irq'],
  ['/proc/sys', 'net'],
  ['/proc/sysrq-trigger'],
]

export interface ResourceLimit {
  /** RLIMIT_* number. */
  readonly resource: number
  /** Name for messages, such as `open files`. */
  readonly name: string
  readonly soft: bigint
  readonly hard: bigint
}

/** RLIM_INFINITY. */
export const unlimited = (1n << 64n) - 1n
const MiB = 1n << 20n

/** Limits of a guest: name, number, soft and hard value, and the least that a guest can live with. */
const wanted: readonly (readonly [string, number, bigint, bigint, bigint])[] = [
  ['CPU time', k.RLIMIT_CPU, unlimited, unlimited, unlimited],
  ['file sizes', k.RLIMIT_FSIZE, unlimited, unlimited, unlimited],
  ['data segments', k.RLIMIT_DATA, unlimited, unlimited, unlimited],
  ['stacks', k.RLIMIT_STACK, 8n * MiB, unlimited, 8n * MiB],
  ['core dumps', k.RLIMIT_CORE, 0n, unlimited, 0n],
  ['resident memory', k.RLIMIT_RSS, unlimited, unlimited, unlimited],
  ['processes', k.RLIMIT_NPROC, 65536n, 65536n, 1024n],
  ['open files', k.RLIMIT_NOFILE, 1024n, 524288n, 4096n],
  ['locked memory', k.RLIMIT_MEMLOCK, 8n * MiB, 8n * MiB, 64n << 10n],
  ['address space', k.RLIMIT_AS, unlimited, unlimited, unlimited],
  ['file locks', k.RLIMIT_LOCKS, unlimited, unlimited, unlimited],
  ['pending signals', k.RLIMIT_SIGPENDING, 65536n, 65536n, 1024n],
  ['message queues', k.RLIMIT_MSGQUEUE, 819200n, 819200n, 0n],
  ['nice values', k.RLIMIT_NICE, 0n, 0n, 0n],
  ['real-time priorities', k.RLIMIT_RTPRIO, 0n, 0n, 0n],
  ['real-time slices', k.RLIMIT_RTTIME, unlimited, unlimited, unlimited],
]

/** A host limit that is too low for any guest. */
export interface LimitShortage {
  readonly name: string
  readonly resource: number
  readonly has: bigint
  readonly needs: bigint
}

/**
 * The limits of a guest. With CAP_SYS_RESOURCE they are the same on every host; without it they cannot
 * exceed what the caller has, and a caller with next to nothing is refused rather than imitated.
 *
 * @param hard the caller's hard limits by RLIMIT_* number, or undefined where it may raise them
 */
export function guestLimits(
  hard: readonly bigint[] | undefined,
): { limits: readonly ResourceLimit[]; shortages: readonly LimitShortage[] } {
  const shortages: LimitShortage[] = []
  const least = (a: bigint, b: bigint) => (a < b ? a : b)
  const limits = wanted.map(([name, resource, soft, top, needs]) => {
    const has = hard?.[resource] ?? top
    if (has < needs) shortages.push({ name, resource, has, needs })
    return { resource, name, soft: least(soft, has), hard: least(top, has) }
  })
  return { limits, shortages }
}
