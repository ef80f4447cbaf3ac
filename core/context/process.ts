/**
 * Steps that shape processes: the supervisor-to-be before and after it makes the guest, and the guest's
 * init up to its execve. Pure.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { capabilityData, capabilityHeader } from '../linux/capabilities.ts'
import { errno } from '../linux/errno.ts'
import { signal } from '../linux/signals.ts'
import { cloneArgs, rlimit64, sockFprog } from '../linux/structs.ts'
import { bytes, part } from '../plan/program.ts'
import type { ResourceLimit } from './policy.ts'
import type { Step } from './step.ts'
import { type Role, role } from '../plan/abi.ts'
import type { ProgramBuilder } from '../plan/builder.ts'
import { encodeUtf8 } from '../linux/text.ts'

type Emit = Step['emit']
const step = (kind: string, program: Role, phrase: string, emit: Emit): Step => ({
  kind,
  role: program,
  phrase,
  emit,
})

function setCapabilities(p: ProgramBuilder, mask: bigint): void {
  const data = bytes(capabilityData({ effective: mask, permitted: mask }))
  p.call('capset', [bytes(capabilityHeader()), data])
}

/**
 * Sets every resource limit explicitly. A user namespace takes its creator's limits as bounds on all of
 * its processes together (user_namespaces(7)), so what the caller's shell happens to have must not
 * leak in.
 */
export function setLimits(program: Role, limits: readonly ResourceLimit[]): readonly Step[] {
  return limits.map(({ resource, name, soft, hard }) =>
    step('limit', program, `set the limit on ${name}`, (p) => {
      p.call('prlimit64', [
        0,
        resource,
        bytes(rlimit64.encode({ rlim_cur: soft, rlim_max: hard })),
        0,
      ])
    })
  )
}

/**
 * Becomes the guest's own host uid, keeping every capability. What is created from here on (namespaces,
 * files, inotify instances) is charged to that uid and owned by the guest's root, while the process
 * keeps the rights of the host's root. The real uid stays 0, so the way back is open.
 */
export function becomeGuestUid(uid: number, capabilities: bigint): Step {
  return step('credentials', 'HOST', `take on the guest's host uid ${uid}`, (p) => {
    p.call('umask', [0])
    p.call('setresgid', [-1, uid, -1])
    p.call('setresuid', [-1, uid, -1])
    setCapabilities(p, capabilities)
  })
}

/** Gives the guest monotonic and boot-time clocks that start at zero (time_namespaces(7)). */
export function ownClocks(): Step {
  return step('clocks', 'HOST', 'start the clocks at zero', (p) => {
    p.call('unshare', [k.CLONE_NEWTIME])
    const text = bytes(96, 1)
    const length = p.slot()
    p.emit('CLOCK', [text], { out: length.slot })
    // The credentials made the process non-dumpable, and its /proc files root's own.
    p.call('prctl', [k.PR_SET_DUMPABLE, 1])
    const file = p.keep('openat', [
      k.AT_FDCWD,
      '/proc/self/timens_offsets',
      k.O_WRONLY | k.O_CLOEXEC,
    ])
    p.call('prctl', [k.PR_SET_DUMPABLE, 0])
    p.call('write', [file, text, length], { whole: 2 })
    p.call('close', [file])
  })
}

/**
 * Makes the process that becomes the guest's init: in its own user and pid namespace, and in its cgroup
 * from the first instruction on. It shares the descriptor table, so that descriptors made by either
 * side reach the other without a message, until it unshares it.
 */
export function makeInit(): Step {
  return step('init', 'HOST', 'create the init process', (p, h) => {
    const args = bytes(
      cloneArgs.encode({
        flags: BigInt(k.CLONE_NEWUSER | k.CLONE_NEWPID | k.CLONE_FILES) | k.CLONE_CLEAR_SIGHAND |
          k.CLONE_INTO_CGROUP,
        exit_signal: signal.SIGCHLD,
      }),
    )
    p.put(args, cloneArgs.at('cgroup'), h.ref('payload'))
    p.emit('CLONE', [args, role.GUEST], { out: h.slot('initPid') })
    p.keep('pidfd_open', [h.ref('initPid'), 0], { out: h.slot('initPidfd') })
  })
}

/** Maps the guest's ids `0…count` to `first…` of the host, and keeps handles to the namespaces. */
export function mapIds(ids: { first: number; count: number }, pidNamespaceOption: boolean): Step {
  return step('id-map', 'HOST', `map ids 0 to ${ids.count - 1} to ${ids.first}`, (p, h) => {
    const path = bytes(new Uint8Array(24), 1)
    path.bytes.set(encodeUtf8('/proc/'))
    p.emit('DECIMAL', [part(path, { offset: 6, length: 18 }), h.ref('initPid')])
    const flags = k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC
    const proc = p.keep('openat', [k.AT_FDCWD, path, flags], { out: h.slot('initProc') })
    const line = bytes(encodeUtf8(`0 ${ids.first} ${ids.count}\n`), 1)
    for (const file of ['uid_map', 'gid_map']) {
      const map = p.keep('openat', [proc, file, k.O_WRONLY | k.O_CLOEXEC], { out: h.slot('idMap') })
      p.call('write', [map, line, line.bytes.length], { whole: 2 })
      p.call('close', [map])
    }
    const open = (name: string, slot: string) =>
      p.keep('openat', [proc, `ns/${name}`, k.O_RDONLY | k.O_CLOEXEC], { out: h.slot(slot) })
    open('user', 'userNamespace')
    if (pidNamespaceOption) open('pid', 'pidNamespace')
  })
}

/** Makes init die with its supervisor (PR_SET_PDEATHSIG(2const)). */
export function dieWithParent(): Step {
  return step('bound-to-parent', 'GUEST', 'tie the guest to its supervisor', (p) => {
    p.call('prctl', [k.PR_SET_PDEATHSIG, signal.SIGKILL])
  })
}

/** Unshares the namespaces that cost most, while the host's side mounts the root. */
export function ownNamespaces(network: boolean): Step {
  return step('namespaces', 'GUEST', 'create the namespaces', (p) => {
    p.call('unshare', [
      k.CLONE_NEWIPC | k.CLONE_NEWUTS | k.CLONE_NEWCGROUP | (network ? k.CLONE_NEWNET : 0),
    ])
  })
}

/** Lets every program pass that waits for this gate, now and later. Pure. */
export function openGate(program: Role, gate: string): Step {
  return step('gate', program, `announce "${gate}"`, (p, h) => p.emit('OPEN', [h.gate(gate)]))
}

/** Waits until another program opens the gate; fails when that one failed or died. Pure. */
export function waitGate(program: Role, gate: string): Step {
  return step('gate', program, `wait for "${gate}"`, (p, h) => p.emit('WAIT', [h.gate(gate)]))
}

/**
 * Copies the mount namespace into one that the guest's user namespace owns. The copy locks every mount
 * and every flag that the host's side made (mount_namespaces(7)): the guest cannot take one away.
 * From here on the descriptor table is the guest's own.
 */
export function ownMounts(): Step {
  return step('own-mounts', 'GUEST', 'create the mount namespace', (p) => {
    p.call('unshare', [k.CLONE_NEWNS | k.CLONE_FILES])
    p.call('chdir', ['/'])
  })
}

/** Sets the host name, in the guest's own UTS namespace. Pure. */
export function setHostname(hostname: string): Step {
  return step('hostname', 'GUEST', `set the host name "${hostname}"`, (p) => {
    p.call('sethostname', [hostname, encodeUtf8(hostname).length])
  })
}

/** Makes the console's slave side standard input, output, error and controlling terminal. */
export function takeConsole(): Step {
  return step('console-terminal', 'GUEST', 'attach the console', (p, h) => {
    p.call('setsid', [])
    for (const fd of [0, 1, 2]) p.call('dup3', [h.ref('consolePeer'), fd, 0])
    p.call('ioctl', [0, k.TIOCSCTTY, 0])
  })
}

/**
 * Becomes root inside: no supplementary group, session keyring or signal mask of the caller is left,
 * and only the capabilities that a guest keeps can ever be had again.
 */
export function becomeRootInside(program: Role, keep: readonly number[], last: number): Step {
  return step('identity', program, 'become root inside', (p) => {
    p.call('setgroups', [0, 0])
    p.call('setresgid', [0, 0, 0])
    p.call('setresuid', [0, 0, 0])
    p.call('keyctl', [k.KEYCTL_JOIN_SESSION_KEYRING, 0], { ignore: [errno.EDQUOT, errno.ENOSYS] })
    p.call('rt_sigprocmask', [k.SIG_SETMASK, bytes(8), 0, 8])
    p.call('umask', [0o022])
    for (let cap = 0; cap <= last; cap++) {
      if (!keep.includes(cap)) p.call('prctl', [k.PR_CAPBSET_DROP, cap])
    }
    const kept = keep.reduce((mask, cap) => mask | (1n << BigInt(cap)), 0n)
    setCapabilities(p, kept)
  })
}

/** Installs the system call filter. CAP_SYS_ADMIN inside makes no_new_privs unnecessary (seccomp(2)). */
export function filterCalls(program: Role, filter: Uint8Array): Step {
  return step('system-call-filter', program, 'install the system call filter', (p) => {
    const fprog = bytes(sockFprog.encode({ len: filter.length / 8 }))
    p.put(fprog, sockFprog.at('filter'), bytes(filter))
    p.call('seccomp', [k.SECCOMP_SET_MODE_FILTER, 0, fprog])
  })
}

/** Makes execve close every descriptor but the standard three. */
export function closeDescriptors(program: Role): Step {
  return step('no-descriptors', program, 'mark all other descriptors for closing', (p) => {
    p.call('close_range', [3, 0xffffffff, k.CLOSE_RANGE_CLOEXEC])
  })
}

/** Replaces the process by the guest's init. */
export function execInit(
  init: { path: string; args: readonly string[] },
  env: readonly string[],
): Step {
  return step('exec', 'GUEST', `run init "${init.path}"`, (p) => {
    const vector = (values: readonly string[]) => {
      const cell = bytes((values.length + 1) * 8)
      values.forEach((value, index) => p.put(cell, { offset: index * 8, width: 8 }, value))
      return cell
    }
    const argv = vector([init.path, ...init.args])
    const envp = vector(env)
    p.call('execve', [init.path, argv, envp])
  })
}

/** A pipe that the kernel closes when init's execve succeeds, or when init dies. */
export function watchExec(): Step {
  return step('exec-watch', 'HOST', 'make the exec watch', (p, h) => {
    const pair = bytes(8)
    p.call('pipe2', [pair, k.O_CLOEXEC])
    p.emit('LOAD', [part(pair, { offset: 0, length: 4 })], { out: h.slot('execRead') })
    p.emit('LOAD', [part(pair, { offset: 4, length: 4 })], { out: h.slot('execWrite') })
  })
}

/** Waits until init runs its own program, or is dead. */
export function awaitExec(): Step {
  return step('exec-watch', 'HOST', 'wait for init', (p, h) => {
    p.call('close', [h.ref('execWrite')])
    p.call('read', [h.ref('execRead'), bytes(8), 1])
    p.call('close', [h.ref('execRead')])
  })
}
