/**
 * The fork plan: the resident process inside a running guest that starts commands there. Pure.
 *
 * FORK runs in a short-lived child of the supervisor, FORKER in what becomes the forker. That does once
 * what COMMAND does each time, in the same order and with the same arguments; from SERVE on, a command
 * costs a vfork and an execve. The guest can stop it and kill it, but neither trace nor read it: its
 * memory belongs to the host's user namespace and stays non-dumpable.
 *
 * @module
 */
import { guestCgroup } from '../cgroup/layout.ts'
import { cloneForker, joinV1, openForCommand } from '../cgroup/steps.ts'
import * as k from '../linux/constants.ts'
import { bytes } from '../plan/program.ts'
import { commandEnvironment, joinForChildren, login } from './enter.ts'
import { guestFilter } from './filter.ts'
import type { Compiled, Facts, GuestInput } from './input.ts'
import { keptCapabilities } from './policy.ts'
import * as process from './process.ts'
import { limitsFor } from './start.ts'
import { compileSteps, type Step } from './step.ts'
import { encodeUtf8 } from '../linux/text.ts'

/**
 * Where the forker keeps its socket, and init's pidfd until it has joined the namespaces: beyond what the
 * supervisor has open, and within the first 64, which cost nothing.
 */
const socket = 63
const init = 62

/** What the guest sees of it, and a session without a terminal. */
function nameForker(): Step {
  return {
    kind: 'session',
    role: 'FORKER',
    phrase: 'name the forker',
    emit(p) {
      p.call('prctl', [k.PR_SET_NAME, 'vserver-exec'])
      p.call('setsid', [])
    },
  }
}

/**
 * Before the user namespace: once the guest's root may kill the process, it may take descriptors from it
 * while it dies, when its memory is gone already and no longer protects it.
 */
function keepSocket(): Step {
  return {
    kind: 'no-descriptors',
    role: 'FORKER',
    phrase: 'close all descriptors but the socket',
    emit(p, h) {
      p.call('dup3', [h.ref('initPidfd'), init, k.O_CLOEXEC])
      p.call('dup3', [h.ref('forker'), socket, k.O_CLOEXEC])
      p.call('close_range', [3, init - 1, 0])
      p.call('close_range', [socket + 1, 0xffffffff, 0])
    },
  }
}

function join(ownNetwork: boolean): Step {
  return {
    kind: 'namespaces',
    role: 'FORKER',
    phrase: 'join the namespaces',
    emit(p) {
      const all = k.CLONE_NEWUSER | k.CLONE_NEWNS | k.CLONE_NEWIPC | k.CLONE_NEWUTS |
        k.CLONE_NEWCGROUP | (ownNetwork ? k.CLONE_NEWNET : 0)
      p.call('setns', [init, all])
      p.call('close', [init])
    },
  }
}

/** From here on it is not readable, whatever changed its credentials before. */
function staySecret(): Step {
  return {
    kind: 'secret',
    role: 'FORKER',
    phrase: 'hide the forker from the guest',
    emit(p) {
      p.call('prctl', [k.PR_SET_DUMPABLE, 0])
    },
  }
}

function serve(env: readonly string[], path: string): Step {
  return {
    kind: 'serve',
    role: 'FORKER',
    phrase: 'start commands',
    emit(p) {
      const texts = [...env, '', ...login, ''].map((one) => `${one}\0`).join('')
      p.emit('SERVE', [socket, bytes(encodeUtf8(texts), 1), path])
    },
  }
}

/** Plans FORK and FORKER. */
export function planFork(guest: GuestInput, facts: Facts): Compiled {
  const group = guestCgroup(facts.cgroup, guest)
  const { env, path } = commandEnvironment(guest)
  const steps: readonly Step[] = [
    openForCommand('FORK', group),
    joinForChildren('FORK'),
    cloneForker(),
    staySecret(),
    joinV1('FORKER', group),
    ...process.setLimits('FORKER', limitsFor(guest, facts)),
    keepSocket(),
    join(guest.network.own),
    nameForker(),
    process.becomeRootInside('FORKER', keptCapabilities, facts.lastCapability),
    staySecret(),
    process.filterCalls('FORKER', guestFilter()),
    serve(env, path),
  ]
  return { plan: compileSteps(guest.name, steps), steps, inputs: [] }
}
