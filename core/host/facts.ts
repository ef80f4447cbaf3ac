/**
 * Facts of the host that plans depend on, found by looking, and by trying where looking does not tell.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { release } from 'node:os'
import type { CgroupHost } from '../cgroup/layout.ts'
import type { Facts } from '../context/input.ts'
import { maskedPaths, readOnlyPaths } from '../context/policy.ts'
import { errors } from '../errors.ts'
import { capability } from '../linux/capabilities.ts'
import * as k from '../linux/constants.ts'
import { planBuilder, type ProgramBuilder } from '../plan/builder.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import { takesDetachedLayers } from './kernel.ts'
import { type DelegatedCgroup, delegatedCgroup, endDelegation, hostRunsSystemd } from './systemd.ts'

export { takesDetachedLayers }

/** Controllers of cgroup2 that guests use. */
const wantedControllers = ['cpu', 'cpuset', 'hugetlb', 'io', 'memory', 'pids']

/** Limits by the names of /proc/PID/limits (proc_pid_limits(5)). */
const limitNames: readonly (readonly [string, number])[] = [
  ['Max cpu time', k.RLIMIT_CPU],
  ['Max file size', k.RLIMIT_FSIZE],
  ['Max data size', k.RLIMIT_DATA],
  ['Max stack size', k.RLIMIT_STACK],
  ['Max core file size', k.RLIMIT_CORE],
  ['Max resident set', k.RLIMIT_RSS],
  ['Max processes', k.RLIMIT_NPROC],
  ['Max open files', k.RLIMIT_NOFILE],
  ['Max locked memory', k.RLIMIT_MEMLOCK],
  ['Max address space', k.RLIMIT_AS],
  ['Max file locks', k.RLIMIT_LOCKS],
  ['Max pending signals', k.RLIMIT_SIGPENDING],
  ['Max msgqueue size', k.RLIMIT_MSGQUEUE],
  ['Max nice priority', k.RLIMIT_NICE],
  ['Max realtime priority', k.RLIMIT_RTPRIO],
  ['Max realtime timeout', k.RLIMIT_RTTIME],
]

/**
 * Looks at this host.
 *
 * @param guest of which the extra mounts matter: whether their sources are directories is a fact too
 * @throws {VServerError} E_HOST when no cgroup2 tree is mounted
 */
export async function probeFacts(
  session: Session,
  guest: {
    readonly digest6: string
    readonly mounts: readonly { readonly source: string }[]
  },
): Promise<Facts> {
  const paths = [...maskedPaths, ...readOnlyPaths].map(([path]) => path)
  return {
    cgroup: probeCgroupHost(guest.digest6),
    capabilities: permittedCapabilities(),
    lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    hardLimits: callerHardLimits(),
    procPidNamespace: await probeProcPidNamespace(session),
    detachedLayers: takesDetachedLayers(release()),
    present: new Set(paths.filter((path) => existsSync(path))),
    directories: new Set(guest.mounts.map(({ source }) => source).filter(isDirectory)),
  }
}

function permittedCapabilities(): bigint {
  return BigInt(`0x${statusField('CapPrm')}`)
}

/** The caller's hard resource limits by RLIMIT_* number, or undefined where it may raise them. */
export function callerHardLimits(): readonly bigint[] | undefined {
  const raises = 1n << BigInt(capability.CAP_SYS_RESOURCE)
  if ((permittedCapabilities() & raises) !== 0n) return undefined
  return parseHardLimits(readFileSync('/proc/self/limits', 'utf8'))
}

/** The cgroup hierarchies of this host; on a systemd host a unit of ours is started for them. */
export function probeCgroupHost(digest6: string): CgroupHost {
  return probeCgroups(
    readFileSync('/proc/self/mounts', 'utf8'),
    () => hostRunsSystemd() ? delegatedCgroup(`vserver-${digest6}`) : undefined,
  )
}

/** Gives back what {@link probeCgroupHost} may have had the host's init make. */
export function endCgroupHost(digest6: string): CgroupHost {
  if (hostRunsSystemd()) endDelegation(`vserver-${digest6}`)
  return probeCgroups(readFileSync('/proc/self/mounts', 'utf8'))
}

function statusField(name: string): string {
  const line = readFileSync('/proc/self/status', 'utf8').split('\n')
    .find((one) => one.startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim() ?? '0'
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/**
 * Finds the cgroup hierarchies in the text of /proc/self/mounts.
 *
 * @param delegate asks the host's init for a cgroup that is ours to use
 * @throws {VServerError} E_HOST when there is no cgroup2 tree
 */
export function probeCgroups(
  table: string,
  delegate: () => DelegatedCgroup | undefined = () => undefined,
): CgroupHost {
  const mounts = table.split('\n').map((line) => line.split(' '))
  const mount = mounts.find((one) => one[2] === 'cgroup2')?.[1]
  if (mount === undefined) {
    throw errors.E_HOST('Cannot start guests: no cgroup2 file system is mounted', {
      hint: 'mount -t cgroup2 none /sys/fs/cgroup, or boot with systemd.unified_cgroup_hierarchy=1',
    })
  }
  const delegated = delegate()
  const unified = mount + (delegated?.path ?? '')
  const v1 = mounts
    .filter((one) => one[2] === 'cgroup')
    .map((one) => ({ path: one[1] ?? '', options: (one[3] ?? '').split(',') }))
    .map(({ path, options }) => ({
      path,
      controllers: options.filter((one) => v1Controllers.has(one)).join(','),
    }))
    .filter(({ controllers }) => controllers !== '')
  const cpuset = v1.find(({ controllers }) => controllers.split(',').includes('cpuset'))
  const offered = readFileSync(`${unified}/cgroup.controllers`, 'utf8').trim().split(' ')
  return {
    unified,
    holder: delegated?.holder,
    controllers: v1.length > 0 ? [] : offered.filter((one) => wantedControllers.includes(one)),
    v1,
    cpuset: cpuset === undefined ? undefined : {
      cpus: readFileSync(`${cpuset.path}/cpuset.cpus`, 'utf8').trim(),
      mems: readFileSync(`${cpuset.path}/cpuset.mems`, 'utf8').trim(),
    },
  }
}

const v1Controllers = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'devices',
  'freezer',
  'hugetlb',
  'memory',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
])

/** Hard limits by RLIMIT_* number from the text of /proc/PID/limits. Pure. */
export function parseHardLimits(table: string): readonly bigint[] {
  const hard: bigint[] = []
  for (const [name, resource] of limitNames) {
    const line = table.split('\n').find((one) => one.startsWith(name))
    const [, word = 'unlimited'] = line?.slice(name.length).trim().split(/\s+/) ?? []
    hard[resource] = word === 'unlimited' ? (1n << 64n) - 1n : BigInt(word)
  }
  return hard
}

/** Whether proc takes the mount option `pidns`: tried on the prober's own pid namespace. */
function probeProcPidNamespace(session: Session): Promise<boolean> {
  return works(session, (p) => {
    const context = p.keep('fsopen', ['proc', k.FSOPEN_CLOEXEC])
    const own = p.keep('openat', [k.AT_FDCWD, '/proc/self/ns/pid', k.O_RDONLY | k.O_CLOEXEC])
    p.call('fsconfig', [context, k.FSCONFIG_SET_FD, 'pidns', 0, own])
    p.call('fsconfig', [context, k.FSCONFIG_CMD_CREATE, 0, 0, 0])
    p.call('close', [own])
    p.call('close', [context])
  })
}

async function works(session: Session, emit: (p: ProgramBuilder) => void): Promise<boolean> {
  const builder = planBuilder()
  const program = builder.program('MAIN')
  program.step(0, 'look at what the kernel can do')
  emit(program)
  try {
    await session.run(builder.build())
    return true
  } catch (error) {
    if (error instanceof OpFailure) return false
    throw error
  }
}
