/**
 * The enter plan: how a command gets into a running guest. Pure.
 *
 * ENTER runs in the front door, as the host's root; COMMAND in the child that becomes the command. The
 * child is in the guest's cgroups before it is in its namespaces, and takes the user namespace together
 * with the others: from then on it has no rights over the host. It shares no descriptor with the guest
 * but the standard three, and is not dumpable until its execve, so that nothing inside can trace it.
 *
 * @module
 */
import { guestCgroup } from '../cgroup/layout.ts'
import { cloneCommand, joinV1, openForCommand } from '../cgroup/steps.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { guestFilter } from './filter.ts'
import type { Compiled, Facts, GuestInput } from './input.ts'
import { keptCapabilities } from './policy.ts'
import * as process from './process.ts'
import { baseEnvironment, limitsFor } from './start.ts'
import { compileSteps, type Step } from './step.ts'

/** Reads root's entry of the guest's passwd and becomes its login shell. */
export const login = [
  '/bin/sh',
  '-c',
  'while IFS=: read -r u _ _ _ _ h s; do [ "$u" = root ] && break; done </etc/passwd 2>/dev/null; ' +
  'HOME=${h:-/root}; SHELL=${s:-/bin/sh}; USER=root; LOGNAME=root; export HOME SHELL USER LOGNAME; ' +
  'cd "$HOME" 2>/dev/null || cd /; exec "$SHELL" -l',
] as const

/** Joins the pid and time namespaces, which take effect for the child (setns(2)). */
export function joinForChildren(program: 'ENTER' | 'FORK'): Step {
  return {
    kind: 'namespaces',
    role: program,
    phrase: 'join the pid and time namespaces',
    emit(p, h) {
      p.call('prctl', [k.PR_SET_DUMPABLE, 0])
      p.call('setns', [h.ref('initPidfd'), k.CLONE_NEWPID | k.CLONE_NEWTIME])
    },
  }
}

function joinNamespaces(ownNetwork: boolean): Step {
  return {
    kind: 'namespaces',
    role: 'COMMAND',
    phrase: 'join the namespaces',
    emit(p, h) {
      // What the guest's root may kill may have had its memory dropped, and is then open to it: from here
      // on there is nothing of the host's in the process but this pidfd of the guest's own init.
      const own = 3
      p.call('dup3', [h.ref('initPidfd'), own, k.O_CLOEXEC], { ignore: [errno.EINVAL] })
      p.call('close_range', [own + 1, 0xffffffff, 0])
      const all = k.CLONE_NEWUSER | k.CLONE_NEWNS | k.CLONE_NEWIPC | k.CLONE_NEWUTS |
        k.CLONE_NEWCGROUP | (ownNetwork ? k.CLONE_NEWNET : 0)
      p.call('setns', [own, all])
    },
  }
}

/** A session of its own: `/dev/tty` inside is the relayed terminal, or nothing. */
function ownSession(): Step {
  return {
    kind: 'session',
    role: 'COMMAND',
    phrase: 'create the session',
    emit(p) {
      p.call('setsid', [])
      p.call('ioctl', [0, k.TIOCSCTTY, 0], { ignore: [errno.ENOTTY, errno.EBADF] })
    },
  }
}

function enterDirectory(): Step {
  return {
    kind: 'directory',
    role: 'COMMAND',
    phrase: 'change to the working directory',
    emit: (p, h) => p.call('chdir', [h.ref('cwd')]),
  }
}

function runCommand(path: string): Step {
  return {
    kind: 'exec',
    role: 'COMMAND',
    phrase: 'run the command',
    emit(p, h) {
      p.emit('EXEC', [path, h.ref('argv'), h.ref('envp')])
    },
  }
}

/** The environment of a command, and where it is searched. */
export function commandEnvironment(
  guest: GuestInput,
): { readonly env: readonly string[]; readonly path: string } {
  const env = [
    ...baseEnvironment(guest),
    'HOME=/root',
    'USER=root',
    'LOGNAME=root',
    'SHELL=/bin/sh',
  ]
  const path = env.findLast((one) => one.startsWith('PATH='))?.slice('PATH='.length) ?? ''
  return { env, path }
}

/** Plans ENTER and COMMAND. `env` is the command's environment, `login` the argv of `enter`. */
export function planEnter(
  guest: GuestInput,
  facts: Facts,
): Compiled & { readonly env: readonly string[]; readonly login: readonly string[] } {
  const group = guestCgroup(facts.cgroup, guest)
  const { env, path } = commandEnvironment(guest)
  const steps: readonly Step[] = [
    openForCommand('ENTER', group),
    joinForChildren('ENTER'),
    cloneCommand(),
    joinV1('COMMAND', group),
    ...process.setLimits('COMMAND', limitsFor(guest, facts)),
    joinNamespaces(guest.network.own),
    ownSession(),
    process.becomeRootInside('COMMAND', keptCapabilities, facts.lastCapability),
    process.filterCalls('COMMAND', guestFilter()),
    enterDirectory(),
    runCommand(path),
  ]
  return { plan: compileSteps(guest.name, steps), steps, inputs: [], env, login }
}
