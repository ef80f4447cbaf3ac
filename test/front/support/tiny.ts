/**
 * The smallest guest that the front door and the supervisor can be tried with: own pid, mount and uts
 * namespaces, a console, a devpts of its own, and the host's files for a root.
 *
 * @module
 */
import { planBuilder, type ProgramBuilder } from '../../../core/plan/builder.ts'
import { role, slot } from '../../../core/plan/abi.ts'
import {
  type Arg,
  bytes,
  type Cell,
  fromSlot,
  part,
  type Plan,
  text,
} from '../../../core/plan/program.ts'
import * as linux from '../../../core/linux/constants.ts'

const CLOEXEC = 0o2000000
const namespaces = linux.CLONE_NEWPID | linux.CLONE_NEWNS | linux.CLONE_NEWUTS
const ignored = (...ignore: readonly number[]) => ({ ignore })

/** An argv or envp: pointers that are filled in when the program runs. */
function vector(program: ProgramBuilder, words: readonly string[]): Cell {
  const cell = bytes((words.length + 1) * 8)
  words.forEach((word, index) => program.put(cell, { offset: index * 8, width: 8 }, text(word)))
  return cell
}

/** Two descriptors that a call stored, as slots. */
function pair(program: ProgramBuilder, cell: Cell, slots: readonly [number, number]): void {
  slots.forEach((out, index) => {
    program.emit('LOAD', [part(cell, { offset: index * 4, length: 4 })], { out })
  })
}

export interface TinyGuest {
  /** Path and arguments of init. */
  readonly init: readonly string[]
  /** Lets HOST fail at its end, after init runs. */
  readonly failing?: boolean
  /** How long HOST takes before it does anything. */
  readonly delayMs?: number
}

/** HOST, GUEST and TEARDOWN. */
export function startPlan(guest: TinyGuest): Plan {
  const builder = planBuilder()
  const host = builder.program('HOST')
  const init = builder.program('GUEST')
  const teardown = builder.program('TEARDOWN')
  const gatePair = [builder.slot().slot, builder.slot().slot] as const
  const notifyPeer = builder.slot()
  const ptys = bytes(8)
  const pipe = bytes(8)
  const sockets = bytes(8)
  const unlock = bytes(4)
  const pidfd = bytes(4)
  const clone = bytes(88)
  const wait = bytes(16)

  host.step(0, 'wait a moment')
  if (guest.delayMs !== undefined) {
    const ms = guest.delayMs
    host.put(wait, { offset: 0, width: 8 }, Math.floor(ms / 1000))
    host.put(wait, { offset: 8, width: 8 }, (ms % 1000) * 1e6)
    host.call('nanosleep', [wait, 0])
  }
  host.step(1, 'make a directory for the guest')
  host.call('mkdirat', [fromSlot(slot.RUN_DIR), 'made', 0o700], ignored(17))
  host.step(2, 'make a console for the guest')
  const context = host.keep('fsopen', ['devpts', 1])
  host.call('fsconfig', [context, linux.FSCONFIG_SET_STRING, 'ptmxmode', '0666', 0])
  host.call('fsconfig', [context, linux.FSCONFIG_CMD_CREATE, 0, 0, 0])
  host.call('fsmount', [context, 1, 0], { out: slot.DEVPTS })
  host.call('openat', [fromSlot(slot.DEVPTS), 'ptmx', 2 | 0o400 | CLOEXEC, 0], {
    out: slot.CONSOLE,
  })
  host.call('ioctl', [fromSlot(slot.CONSOLE), linux.TIOCSPTLCK, unlock])
  host.call('ioctl', [fromSlot(slot.CONSOLE), linux.TIOCGPTPEER, 2 | 0o400 | CLOEXEC], {
    out: slot.CONSOLE_PEER,
  })
  host.step(3, 'make the way to tell readiness')
  host.call('socketpair', [linux.AF_UNIX, linux.SOCK_DGRAM | CLOEXEC, 0, sockets])
  pair(host, sockets, [slot.NOTIFY, notifyPeer.slot])
  host.call('pipe2', [pipe, CLOEXEC])
  pair(host, pipe, gatePair)
  host.step(4, 'start init')
  host.put(clone, { offset: 0, width: 8 }, namespaces | linux.CLONE_PIDFD)
  host.put(clone, { offset: 8, width: 8 }, pidfd)
  host.put(clone, { offset: 32, width: 8 }, linux.SIGCHLD)
  host.emit('CLONE', [clone, 3], { out: slot.INIT_PID })
  host.emit('LOAD', [pidfd], { out: slot.INIT_PIDFD })
  host.call('close', [fromSlot(gatePair[1])])
  host.call('close', [fromSlot(notifyPeer.slot)])
  host.step(5, 'wait for init')
  host.call('read', [fromSlot(gatePair[0]), ptys, 8])
  if (guest.failing === true) {
    host.step(6, 'do what cannot be done')
    host.call('chdir', ['/no/such/directory'])
  }

  init.step(10, 'prepare init')
  init.call('prctl', [linux.PR_SET_PDEATHSIG, 9])
  init.call('setsid', [])
  for (const fd of [0, 1, 2]) init.call('dup3', [fromSlot(slot.CONSOLE_PEER), fd, 0])
  init.call('dup3', [fromSlot(notifyPeer.slot), 3, 0])
  init.call('ioctl', [0, linux.TIOCSCTTY, 0])
  init.step(11, `run "${guest.init[0]}"`)
  const argv = vector(init, guest.init)
  init.emit('EXEC', ['/bin', argv, vector(init, ['PATH=/usr/bin:/bin', 'container=vserver'])])

  teardown.step(20, 'remove the directory of the guest')
  teardown.emit('SWEEP', [fromSlot(slot.RUN_DIR), 'made'], ignored(2))
  return builder.build()
}

/** ENTER and COMMAND. */
export function enterPlan(): Plan {
  const builder = planBuilder()
  const enter = builder.program('ENTER')
  const command = builder.program('COMMAND')
  const clone = bytes(88)
  enter.step(0, 'enter the guest')
  enter.call('setns', [fromSlot(slot.INIT_PIDFD), linux.CLONE_NEWPID])
  enter.put(clone, { offset: 0, width: 8 }, linux.CLONE_VM | linux.CLONE_VFORK)
  enter.put(clone, { offset: 32, width: 8 }, linux.SIGCHLD)
  enter.emit('CLONE', [clone, 7], { out: slot.COMMAND_PID })
  command.step(1, 'enter the guest')
  command.call('setns', [fromSlot(slot.INIT_PIDFD), linux.CLONE_NEWNS | linux.CLONE_NEWUTS])
  command.call('setsid', [])
  command.call('ioctl', [0, linux.TIOCSCTTY, 0], ignored(25))
  command.call('close_range', [3, 0xffffffff, linux.CLOSE_RANGE_CLOEXEC])
  command.step(2, 'change to the working directory')
  command.call('chdir', [fromSlot(slot.CWD)])
  command.step(3, 'run the command')
  const pointer = (number: number): Arg => fromSlot(number)
  command.emit('EXEC', ['/usr/bin:/bin', pointer(slot.ARGV), pointer(slot.ENVP)])
  return builder.build()
}

/** FORK and FORKER. */
export function forkPlan(): Plan {
  const builder = planBuilder()
  const fork = builder.program('FORK')
  const forker = builder.program('FORKER')
  const clone = bytes(88)
  fork.step(0, 'make the forker')
  fork.call('setns', [fromSlot(slot.INIT_PIDFD), linux.CLONE_NEWPID])
  fork.put(clone, { offset: 0, width: 8 }, BigInt(linux.CLONE_PARENT) | linux.CLONE_CLEAR_SIGHAND)
  fork.emit('CLONE', [clone, role.FORKER])
  forker.step(1, 'enter the guest')
  forker.call('prctl', [linux.PR_SET_DUMPABLE, 0])
  forker.call('prctl', [linux.PR_SET_NAME, 'vserver-exec'])
  forker.call('setns', [fromSlot(slot.INIT_PIDFD), linux.CLONE_NEWNS | linux.CLONE_NEWUTS])
  forker.call('setsid', [])
  forker.call('umask', [0o022])
  forker.call('rt_sigprocmask', [linux.SIG_SETMASK, bytes(8), 0, 8])
  forker.call('dup3', [fromSlot(slot.FORKER), 63, CLOEXEC])
  forker.call('close_range', [3, 62, 0])
  forker.step(2, 'start commands')
  const texts = 'PATH=/usr/bin:/bin\0HOME=/root\0\0/bin/sh\0-i\0\0'
  forker.emit('SERVE', [63, bytes(new TextEncoder().encode(texts), 1), '/usr/bin:/bin'])
  return builder.build()
}
