/**
 * Plans of one command in a writable tree: the isolation of a guest, with the tree itself as its root, no
 * network, and a pipe for its output. Pure.
 *
 * They run in a batch session of their own, which becomes the command's parent and is then of no other
 * use: its credentials and namespaces are those of a supervisor. When the session ends, so does the
 * command (parent-death signal), and all that it started (its pid namespace).
 *
 * @module
 */
import { guestCgroup } from '../cgroup/layout.ts'
import { delegateCgroup, joinV1, makeCgroup, removeCgroup } from '../cgroup/steps.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { compileFilter, x86_64 } from '../linux/seccomp/compile.ts'
import { guestPolicy } from '../linux/seccomp/policy.ts'
import type { Policy } from '../linux/seccomp/types.ts'
import { signal } from '../linux/signals.ts'
import { mountAttr, timespec } from '../linux/structs.ts'
import { slot } from '../plan/abi.ts'
import { planBuilder } from '../plan/builder.ts'
import { bytes, fromSlot, part, type Plan } from '../plan/program.ts'
import { fillDev } from './dev.ts'
import type { Facts, GuestInput } from './input.ts'
import * as mounts from './mounts.ts'
import { keptCapabilities, maskedPaths, readOnlyPaths } from './policy.ts'
import * as process from './process.ts'
import { limitsFor, place } from './start.ts'
import { compileSteps, type Step } from './step.ts'

export interface TreeRun {
  /** For messages and the cgroup; no guest's name. */
  readonly name: string
  readonly digest6: string
  readonly ids: { readonly first: number; readonly count: number }
  readonly tree: string
  readonly argv: readonly [path: string, ...args: readonly string[]]
  readonly env: readonly string[]
}

/** Slot of the read end of the command's output; consoles have it in guests. */
const outputSlot = slot.CONSOLE
/** How much one look at the output takes. */
const OUTPUT_BYTES = 65_536

/**
 * fsync(2) and its like succeed at once. The tree is written to the disk as a whole afterwards, and is
 * thrown away after a crash, so that nothing is lost; dpkg alone asks for it some thousand times.
 */
const policy: Policy = {
  ...guestPolicy,
  rules: [
    {
      calls: ['fsync', 'fdatasync', 'sync', 'syncfs', 'sync_file_range'],
      action: { kind: 'errno', errno: 0 },
    },
    ...guestPolicy.rules,
  ],
}

/** Plans the start of the command. */
export function planTreeRun(run: TreeRun, facts: Facts): Plan {
  const group = guestCgroup(facts.cgroup, run)
  const guest: GuestInput = {
    ...run,
    hostname: 'localhost',
    lowers: [],
    writable: run.tree,
    mounts: [],
    init: { path: run.argv[0], args: run.argv.slice(1) },
    network: { own: true, steps: [] },
  }
  const base = run.ids.first
  const steps: readonly Step[] = [
    removeCgroup(group),
    openTree(run.tree),
    ...process.setLimits('HOST', limitsFor(guest, facts)),
    makeCgroup(group),
    process.becomeGuestUid(base, facts.capabilities),
    delegateCgroup(),
    process.ownClocks(),
    mounts.hostMountNamespace(),
    makeOutput(),
    process.watchExec(),
    process.makeInit(),
    process.dieWithParent(),
    joinV1('GUEST', group),
    process.ownNamespaces(true),
    process.openGate('GUEST', 'namespaces'),
    process.mapIds(run.ids, facts.procPidNamespace),
    mountTree(run.tree),
    mounts.attachRoot(),
    ...fillDev(base + 5),
    process.waitGate('HOST', 'namespaces'),
    ...mounts.mountKernelFileSystems({ pidNamespaceOption: facts.procPidNamespace }),
    ...readOnlyPaths.filter(([path]) => facts.present.has(path))
      .map(([path, except]) => mounts.readOnly(place(path), path, except)),
    ...maskedPaths.filter(([path]) => facts.present.has(path))
      .map(([path, how]) => mounts.mask(place(path), how, path)),
    mounts.pivot(),
    process.openGate('HOST', 'root'),
    process.waitGate('GUEST', 'root'),
    process.ownMounts(),
    process.openGate('GUEST', 'own-files'),
    process.setHostname(guest.hostname),
    takeOutput(),
    process.becomeRootInside('GUEST', keptCapabilities, facts.lastCapability),
    process.dieWithParent(),
    process.closeDescriptors('GUEST'),
    process.filterCalls('GUEST', compileFilter(policy, x86_64)),
    process.execInit(guest.init, [...run.env, 'container=vserver']),
    // Until then both share one descriptor table, and what is closed here is closed there.
    process.waitGate('HOST', 'own-files'),
    mounts.release(['root', 'dev', 'shm', 'proc', 'sys', 'sysCgroup']),
    process.awaitExec(),
    closeOutput(),
  ]
  return compileSteps(run.name, steps.map(asMain))
}

/** What is the supervisor's in a start is the session's here. */
function asMain(step: Step): Step {
  return step.role === 'HOST' || step.role === 'TEARDOWN' ? { ...step, role: 'MAIN' } : step
}

/** The tree is the directory that the root is attached over, too. */
function openTree(tree: string): Step {
  return {
    kind: 'root',
    role: 'HOST',
    phrase: `open "${tree}"`,
    emit(p, h) {
      const flags = k.O_PATH | k.O_DIRECTORY | k.O_NOFOLLOW | k.O_CLOEXEC
      p.keep('openat', [k.AT_FDCWD, tree, flags], { out: h.slot('runDir') })
    },
  }
}

/** The root: the tree, idmapped, so that root inside owns what is uid 0's on disk. */
function mountTree(tree: string): Step {
  return {
    kind: 'root',
    role: 'HOST',
    phrase: `mount "${tree}"`,
    emit(p, h) {
      const clone = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC
      const root = p.keep('open_tree', [k.AT_FDCWD, tree, clone], { out: h.slot('root') })
      const set = k.MOUNT_ATTR_IDMAP | k.MOUNT_ATTR_NODEV
      const attr = bytes(mountAttr.encode({ attr_set: set }))
      p.put(attr, mountAttr.at('userns_fd'), h.ref('userNamespace'))
      p.call('mount_setattr', [root, '', k.AT_EMPTY_PATH, attr, 32])
    },
  }
}

function makeOutput(): Step {
  return {
    kind: 'output',
    role: 'HOST',
    phrase: 'make the pipe for output',
    emit(p, h) {
      const pair = bytes(8)
      p.call('pipe2', [pair, k.O_CLOEXEC])
      p.emit('LOAD', [part(pair, { offset: 0, length: 4 })], { out: h.slot('console') })
      p.emit('LOAD', [part(pair, { offset: 4, length: 4 })], { out: h.slot('consolePeer') })
      p.call('fcntl', [h.ref('console'), k.F_SETFL, k.O_NONBLOCK])
    },
  }
}

/** A session without a terminal: nothing to read, and a pipe to write to. */
function takeOutput(): Step {
  return {
    kind: 'output',
    role: 'GUEST',
    phrase: 'attach the output',
    emit(p, h) {
      p.call('setsid', [])
      const none = p.keep('openat', [k.AT_FDCWD, '/dev/null', k.O_RDWR | k.O_CLOEXEC])
      p.call('dup3', [none, 0, 0])
      for (const fd of [1, 2]) p.call('dup3', [h.ref('consolePeer'), fd, 0])
    },
  }
}

function closeOutput(): Step {
  return {
    kind: 'output',
    role: 'HOST',
    phrase: 'close the pipe for output',
    emit: (p, h) => p.call('close', [h.ref('consolePeer')]),
  }
}

/** Offset of `revents` in a struct pollfd (poll(2)). */
const revents = 6

/**
 * Plans one look at the command: waits for its end or for output, at most so long, and reports output.
 * {@link readLook} takes it apart. `output`: whether anybody can still write any.
 */
export function planLook(
  name: string,
  { waitMs, output }: { waitMs: number; output: boolean },
): Plan {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `wait for the command in "${name}"`)
  const fds = bytes(16)
  const view = new DataView(fds.bytes.buffer)
  view.setUint16(4, k.POLLIN, true)
  view.setUint16(12, k.POLLIN, true)
  p.put(fds, { offset: 0, width: 4 }, fromSlot(slot.INIT_PIDFD))
  p.put(fds, { offset: 8, width: 4 }, fromSlot(outputSlot))
  const limit = bytes(timespec.encode({
    tv_sec: Math.floor(waitMs / 1000),
    tv_nsec: (waitMs % 1000) * 1_000_000,
  }))
  p.call('ppoll', [fds, output ? 2 : 1, limit, 0, 8], { ignore: [errno.EINTR] })
  const buffer = bytes(OUTPUT_BYTES)
  const length = p.keep('read', [fromSlot(outputSlot), buffer, OUTPUT_BYTES], {
    ignore: [errno.EAGAIN],
  })
  p.emit('REPORT', [fds, fds.bytes.length])
  p.emit('REPORT', [buffer, length])
  return builder.build()
}

/** What a look saw. Pure. */
export interface Seen {
  readonly ended: boolean
  readonly output: Uint8Array
  /** Nobody can write output any more. */
  readonly closed: boolean
}

/** Takes the report of a look apart. Pure. */
export function readLook(reported: Uint8Array): Seen {
  const view = new DataView(reported.buffer, reported.byteOffset, reported.byteLength)
  const output = reported.subarray(16)
  return {
    ended: (view.getUint16(revents, true) & k.POLLIN) !== 0,
    output,
    closed: output.length === 0 && (view.getUint16(8 + revents, true) & k.POLLHUP) !== 0,
  }
}

/** Plans the killing of the command, and of all in its pid namespace with it. */
export function planKill(name: string): Plan {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `kill the command in "${name}"`)
  const pidfd = fromSlot(slot.INIT_PIDFD)
  p.call('pidfd_send_signal', [pidfd, signal.SIGKILL, 0, 0], { ignore: [errno.ESRCH] })
  return builder.build()
}

/** Plans the reaping of the command; its wait status is in the slot that is given back. */
export function planReap(name: string): { readonly plan: Plan; readonly status: number } {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `wait for the end of the command in "${name}"`)
  const status = p.slot()
  p.emit('REAP', [fromSlot(slot.INIT_PID)], { out: status.slot })
  return { plan: builder.build(), status: status.slot }
}

/** Plans the removal of what the command leaves: its cgroups. For any other session. */
export function planTreeCleanup(
  run: Pick<TreeRun, 'name' | 'digest6'>,
  host: Facts['cgroup'],
): Plan {
  return compileSteps(run.name, [asMain(removeCgroup(guestCgroup(host, run)))])
}
