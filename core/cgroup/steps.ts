/**
 * Steps that make, enter and remove a guest's cgroups. Pure.
 *
 * @module
 */
import type { Step } from '../context/step.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { signal } from '../linux/signals.ts'
import { cloneArgs } from '../linux/structs.ts'
import { type Role, role } from '../plan/abi.ts'
import type { ProgramBuilder } from '../plan/builder.ts'
import { bytes } from '../plan/program.ts'
import type { GuestCgroup } from './layout.ts'
import { encodeUtf8 } from '../linux/text.ts'

const directory = k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC
/** Where exec'd commands go on a host whose cgroup2 tree has controllers. */
const commandLeaf = 'vserver-exec'

function writeFile(p: ProgramBuilder, path: string, content: string): void {
  const file = p.slot()
  p.call('openat', [k.AT_FDCWD, path, k.O_WRONLY | k.O_CLOEXEC], { out: file.slot })
  const cell = bytes(encodeUtf8(content), 1)
  p.call('write', [file, cell, cell.bytes.length], { whole: 2 })
  p.call('close', [file])
}

/**
 * Makes the directories that all guests of a state directory share. They stay until the host reboots.
 * Runs in a batch session when a plan is compiled, so that starting a guest need not.
 */
export function makeParents(group: GuestCgroup): Step {
  return {
    kind: 'cgroup',
    role: 'MAIN',
    phrase: `create the cgroup "${group.parent}"`,
    emit(p) {
      for (const path of [group.parent, group.supervisors, ...group.v1]) {
        p.call('mkdirat', [k.AT_FDCWD, path, 0o755], { ignore: [errno.EEXIST] })
      }
      // A group with processes in it cannot hand controllers down.
      if (group.holder !== undefined) {
        writeFile(p, `${group.supervisors}/cgroup.procs`, String(group.holder))
      }
      for (const path of group.controllers.length === 0 ? [] : [group.base, group.parent]) {
        const all = group.controllers.map((controller) => `+${controller}`).join(' ')
        writeFile(p, `${path}/cgroup.subtree_control`, all)
      }
      if (group.cpuset !== undefined) {
        writeFile(p, `${group.cpuset.parent}/cpuset.cpus`, group.cpuset.cpus)
        writeFile(p, `${group.cpuset.parent}/cpuset.mems`, group.cpuset.mems)
        writeFile(p, `${group.cpuset.parent}/cgroup.clone_children`, '1')
      }
    },
  }
}

/** Removes what {@link makeParents} made, where nothing is in it any more. */
export function removeParents(group: GuestCgroup): Step {
  return {
    kind: 'cgroup',
    role: 'MAIN',
    phrase: `remove the cgroup "${group.parent}"`,
    emit(p) {
      for (const path of [group.supervisors, group.parent, ...group.v1]) {
        p.call('unlinkat', [k.AT_FDCWD, path, k.AT_REMOVEDIR], {
          ignore: [errno.ENOENT, errno.EBUSY],
        })
      }
    },
  }
}

/** Makes the guest's directories, as the host's root: the guest cannot write to them. */
export function makeCgroup(group: GuestCgroup): Step {
  return {
    kind: 'cgroup',
    role: 'HOST',
    phrase: `create the cgroup "${group.parent}/${group.name}"`,
    emit(p, h) {
      const own = `${group.parent}/${group.name}`
      p.call('mkdirat', [k.AT_FDCWD, own, 0o755])
      p.keep('openat', [k.AT_FDCWD, own, directory], { out: h.slot('cgroup') })
      if (group.controllers.length > 0) {
        const all = group.controllers.map((controller) => `+${controller}`).join(' ')
        writeFile(p, `${own}/cgroup.subtree_control`, all)
      }
      group.v1.forEach((parent, index) => {
        const path = `${parent}/${group.name}`
        p.call('mkdirat', [k.AT_FDCWD, path, 0o755])
        p.keep('openat', [k.AT_FDCWD, `${path}/tasks`, k.O_WRONLY | k.O_CLOEXEC], {
          out: h.slot(`tasks${index}`),
        })
      })
    },
  }
}

/** Makes the part that the guest owns; made under the guest's uid, all its files are the guest's. */
export function delegateCgroup(): Step {
  return {
    kind: 'cgroup',
    role: 'HOST',
    phrase: 'delegate a cgroup to the guest',
    emit(p, h) {
      p.call('mkdirat', [h.ref('cgroup'), 'payload', 0o755])
      p.keep('openat', [h.ref('cgroup'), 'payload', directory], { out: h.slot('payload') })
    },
  }
}

/**
 * Moves the calling process into the version 1 cgroups. A single thread that writes `0` to `tasks` pays
 * no RCU grace period; any write to `cgroup.procs` does. The descriptors were opened by the host's root,
 * whose credentials the kernel checks.
 */
export function joinV1(program: Role, group: GuestCgroup): Step {
  return {
    kind: 'cgroup',
    role: program,
    phrase: 'join the version 1 cgroups',
    emit(p, h) {
      group.v1.forEach((_, index) =>
        p.call('write', [h.ref(`tasks${index}`), '0', 1], { whole: 2 })
      )
    },
  }
}

/** Opens what an exec'd command must be in before its first instruction. */
export function openForCommand(program: 'ENTER' | 'FORK', group: GuestCgroup): Step {
  return {
    kind: 'cgroup',
    role: program,
    phrase: 'open the cgroup',
    emit(p, h) {
      const payload = `${group.parent}/${group.name}/payload`
      const leaf = group.controllers.length > 0 ? `${payload}/${commandLeaf}` : payload
      if (leaf !== payload) {
        p.call('mkdirat', [k.AT_FDCWD, leaf, 0o755], { ignore: [errno.EEXIST] })
      }
      p.keep('openat', [k.AT_FDCWD, leaf, directory], { out: h.slot('payload') })
      group.v1.forEach((parent, index) => {
        const path = `${parent}/${group.name}/tasks`
        p.keep('openat', [k.AT_FDCWD, path, k.O_WRONLY | k.O_CLOEXEC], {
          out: h.slot(`tasks${index}`),
        })
      })
    },
  }
}

/** Makes the command's process, in the guest's cgroup from its first instruction on. */
export function cloneCommand(): Step {
  return {
    kind: 'command',
    role: 'ENTER',
    phrase: 'create the process',
    emit(p, h) {
      const args = bytes(
        cloneArgs.encode({
          flags: BigInt(k.CLONE_VM | k.CLONE_VFORK) | k.CLONE_CLEAR_SIGHAND | k.CLONE_INTO_CGROUP,
          exit_signal: signal.SIGCHLD,
        }),
      )
      p.put(args, cloneArgs.at('cgroup'), h.ref('payload'))
      p.emit('CLONE', [args, role.COMMAND], { out: h.slot('commandPid') })
    },
  }
}

/**
 * Makes the forker, in the guest's cgroup as a command is. It shares no memory with its maker, who ends:
 * its parent is the supervisor. No handler of the supervisor's is left, so that the guest can end it.
 */
export function cloneForker(): Step {
  return {
    kind: 'forker',
    role: 'FORK',
    phrase: 'create the forker',
    emit(p, h) {
      const args = bytes(
        cloneArgs.encode({
          flags: BigInt(k.CLONE_PARENT) | k.CLONE_CLEAR_SIGHAND | k.CLONE_INTO_CGROUP,
        }),
      )
      p.put(args, cloneArgs.at('cgroup'), h.ref('payload'))
      p.emit('CLONE', [args, role.FORKER])
    },
  }
}

/** Removes the guest's cgroups, and whatever still runs in them. */
export function removeCgroup(group: GuestCgroup): Step {
  return {
    kind: 'cgroup',
    role: 'TEARDOWN',
    phrase: `remove the cgroup "${group.parent}/${group.name}"`,
    emit(p) {
      for (const parent of [group.parent, ...group.v1]) {
        p.emit('PRUNE', [k.AT_FDCWD, `${parent}/${group.name}`])
      }
    },
  }
}
