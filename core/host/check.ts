/**
 * What this host offers, found by trying: one row a feature. Everything tried is undone at once; nothing
 * is attached to the host's mount tree.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { attributeBits, mountRoot } from '../context/mounts.ts'
import { guestLimits } from '../context/policy.ts'
import { mapIds } from '../context/process.ts'
import { compileSteps, type Step } from '../context/step.ts'
import { VServerError } from '../errors.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { signal } from '../linux/signals.ts'
import { cloneArgs, mountAttr } from '../linux/structs.ts'
import { role } from '../plan/abi.ts'
import { bytes } from '../plan/program.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import { callerHardLimits, probeCgroups, takesDetachedLayers } from './facts.ts'
import type { Root } from './root.ts'

/** One row of `vserver check`. */
export interface CheckRow {
  readonly feature: string
  readonly found: boolean
  /** What it is needed for; `start` when guests cannot start without it. */
  readonly needed: string
  /** What to do when it was not found; empty when it was. */
  readonly remedy: string
  /** What was tried and seen. */
  readonly detail: string
}

interface Trial {
  readonly feature: string
  readonly needed: string
  readonly remedy: string
  readonly steps: readonly Step[]
}

const main = (phrase: string, emit: Step['emit']): Step => ({
  kind: 'check',
  role: 'MAIN',
  phrase,
  emit,
})

/** A child with a new namespace that lives for a moment. */
function namespaceTrial(name: string, flag: number, remedy: string): Trial {
  // A time namespace is for the children of who unshares it: clone3 makes none that is of use.
  const time = flag === k.CLONE_NEWTIME
  const phrase = `create a ${name} namespace`
  const parent = main(phrase, (p, h) => {
    const args = bytes(cloneArgs.encode({ flags: time ? 0 : flag, exit_signal: signal.SIGCHLD }))
    p.emit('CLONE', [args, role.HELPER], { out: h.slot('child') })
    p.emit('REAP', [h.ref('child')])
  })
  const child: Step = {
    kind: 'check',
    role: 'HELPER',
    phrase,
    emit: (p) => (time ? p.call('unshare', [flag]) : p.call('getpid', [])),
  }
  return { feature: `${name} namespace`, needed: 'start', remedy, steps: [parent, child] }
}

/** An overlay over idmapped layers, as every guest's root is, in the state directory itself. */
function rootTrial(directory: string, detachedLayers: boolean): Trial {
  const child = (kind: 'GUEST' | 'HELPER', flags: number, out: string) =>
    main(`create a process for the trial`, (p, h) => {
      const args = bytes(cloneArgs.encode({ flags, exit_signal: signal.SIGCHLD }))
      p.emit('CLONE', [args, role[kind]], { out: h.slot(out) })
    })
  const inChild = (program: 'GUEST' | 'HELPER', phrase: string, emit: Step['emit']): Step => ({
    kind: 'check',
    role: program,
    phrase,
    emit,
  })
  const move = (step: Step, program: 'MAIN' | 'HELPER'): Step => ({ ...step, role: program })
  return {
    feature: 'overlayfs on idmapped mounts',
    needed: 'start',
    remedy: 'put the state directory on ext4, xfs or btrfs, on Linux 5.19 or newer',
    steps: [
      child('GUEST', k.CLONE_NEWUSER, 'initPid'),
      inChild('GUEST', 'wait for the trial', (p, h) => p.emit('WAIT', [h.gate('done')])),
      move(mapIds({ first: 2_000_000_000, count: 65536 }, false), 'MAIN'),
      child('HELPER', k.CLONE_NEWNS, 'helper'),
      inChild('HELPER', 'make the mounts private', (p) => {
        // Layers are attached here on older kernels, and must not cover one another's paths.
        p.call('chdir', [join(directory, 'place')])
        const attr = bytes(mountAttr.encode({ propagation: k.MS_PRIVATE }))
        p.call('mount_setattr', [k.AT_FDCWD, '/', k.AT_RECURSIVE, attr, mountAttr.size])
      }),
      move(
        mountRoot({ lowers: [join(directory, 'lower')], writable: directory, detachedLayers }),
        'HELPER',
      ),
      main('end the trial', (p, h) => {
        p.emit('REAP', [h.ref('helper')])
        p.emit('OPEN', [h.gate('done')])
        p.emit('REAP', [h.ref('initPid')])
        for (const name of ['userNamespace', 'initProc']) p.call('close', [h.ref(name)])
      }),
    ],
  }
}

function trials(): readonly Trial[] {
  const kernel = 'use a kernel with this feature (every distribution kernel from 6.1 on has it)'
  const close = (what: string, emit: Step['emit']) => [main(what, emit)]
  const user = 'set user.max_user_namespaces above 0 (sysctl), and do not restrict user namespaces'
  return [
    namespaceTrial('user', k.CLONE_NEWUSER, user),
    namespaceTrial('mount', k.CLONE_NEWNS, kernel),
    namespaceTrial('pid', k.CLONE_NEWPID, kernel),
    namespaceTrial('network', k.CLONE_NEWNET, kernel),
    namespaceTrial('ipc', k.CLONE_NEWIPC, kernel),
    namespaceTrial('uts', k.CLONE_NEWUTS, kernel),
    namespaceTrial('cgroup', k.CLONE_NEWCGROUP, kernel),
    namespaceTrial('time', k.CLONE_NEWTIME, kernel),
    ...(['tmpfs', 'devpts', 'proc', 'sysfs', 'cgroup2'] as const).map((type): Trial => ({
      feature: `${type} by fsmount`,
      needed: 'start',
      remedy: kernel,
      steps: close(`mount ${type}`, (p) => {
        const context = p.keep('fsopen', [type, k.FSOPEN_CLOEXEC])
        p.call('fsconfig', [context, k.FSCONFIG_CMD_CREATE, 0, 0, 0])
        const tree = p.keep('fsmount', [context, k.FSMOUNT_CLOEXEC, attributeBits(['noExec'])])
        p.call('close', [tree])
        p.call('close', [context])
      }),
    })),
    {
      feature: 'system call filters',
      needed: 'start',
      remedy: kernel,
      steps: close('look for system call filters', (p) => {
        const action = bytes(4, 4)
        new DataView(action.bytes.buffer).setUint32(0, k.SECCOMP_RET_ERRNO, true)
        p.call('seccomp', [k.SECCOMP_GET_ACTION_AVAIL, 0, action])
      }),
    },
    {
      feature: 'pidns option of proc',
      needed: 'a faster start',
      remedy: 'none needed: an extra process does the same',
      steps: close('try the pidns option', (p) => {
        const context = p.keep('fsopen', ['proc', k.FSOPEN_CLOEXEC])
        const flags = k.O_RDONLY | k.O_CLOEXEC
        const own = p.keep('openat', [k.AT_FDCWD, '/proc/self/ns/pid', flags])
        p.call('fsconfig', [context, k.FSCONFIG_SET_FD, 'pidns', 0, own])
        p.call('close', [own])
        p.call('close', [context])
      }),
    },
  ]
}

async function attempt(session: Session, trial: Trial): Promise<CheckRow> {
  const { feature, needed } = trial
  try {
    await session.run(compileSteps('check', trial.steps))
    return { feature, needed, found: true, remedy: '', detail: 'tried' }
  } catch (error) {
    if (!(error instanceof OpFailure)) throw error
    const denied = error.errno === errno.EPERM || error.errno === errno.EACCES
    const remedy = denied
      ? `run it as root, outside of other containers; else ${trial.remedy}`
      : trial.remedy
    return { feature, needed, found: false, remedy, detail: error.message }
  }
}

/** Tries everything that guests need. Makes and removes a directory in the state directory. */
export async function checkHost(session: Session, root: Root): Promise<readonly CheckRow[]> {
  const rows: CheckRow[] = [checkKernel(release()), checkCgroups(), checkLimits()]
  for (const trial of trials()) rows.push(await attempt(session, trial))
  mkdirSync(root.lib, { recursive: true, mode: 0o700 })
  const directory = mkdtempSync(join(root.lib, '.check-'))
  try {
    for (const name of ['lower', 'upper', 'work', 'place']) mkdirSync(join(directory, name))
    rows.push(await attempt(session, rootTrial(directory, takesDetachedLayers(release()))))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return rows
}

/** Full function needs Linux 6.1: idmapped layers under overlayfs came with 5.19. Pure. */
export function checkKernel(version: string): CheckRow {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  const found = major > 6 || (major === 6 && minor >= 1)
  return {
    feature: 'Linux 6.1',
    found,
    needed: 'start',
    remedy: found ? '' : 'boot a kernel of 6.1 or newer (Debian 12, or its backports)',
    detail: `this is ${version}`,
  }
}

function checkCgroups(): CheckRow {
  try {
    const { unified, v1, controllers } = probeCgroups(readFileSync('/proc/self/mounts', 'utf8'))
    const layout = v1.length === 0 ? `${controllers.join(' ')}` : 'hybrid'
    return {
      feature: 'cgroup2',
      found: true,
      needed: 'start',
      remedy: '',
      detail: `${layout} at ${unified}`,
    }
  } catch (error) {
    if (!(error instanceof VServerError)) throw error
    const remedy = error.hint ?? ''
    return { feature: 'cgroup2', found: false, needed: 'start', remedy, detail: error.message }
  }
}

function checkLimits(): CheckRow {
  const { shortages } = guestLimits(callerHardLimits())
  const [short] = shortages
  return {
    feature: 'limits of the caller',
    found: short === undefined,
    needed: 'start',
    remedy: short === undefined ? '' : 'raise the hard limits of the calling shell (ulimit -H)',
    detail: short === undefined
      ? 'enough for a guest'
      : `${short.name}: ${short.has}, a guest needs ${short.needs}`,
  }
}
