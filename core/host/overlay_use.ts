/**
 * Whether an overlay of the kernel still uses a directory as its writable layer.
 *
 * An unmounted overlay lives on while any process holds a file of it open, and such a descriptor can be
 * reopened for writing. So before the directory becomes a layer that others share, its overlay must be
 * proved gone.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { signal } from '../linux/signals.ts'
import { cloneArgs, mountAttr } from '../linux/structs.ts'
import { role } from '../plan/abi.ts'
import { type PlanBuilder, planBuilder, type ProgramBuilder } from '../plan/builder.ts'
import { OpFailure } from '../plan/failure.ts'
import { type Arg, bytes } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'

/** Numbers that paths below /proc/self/fd name: the scratch file system, and the directory. */
const SCRATCH = 44
const LOWER = 45

export interface UseQuestion {
  /** Absolute path of the directory. */
  readonly path: string
  /** Whether overlayfs takes mounts that are attached nowhere (Linux 6.15). */
  readonly detachedLayers: boolean
}

/**
 * Asks the kernel by a trial mount: overlayfs refuses with EBUSY a *lower* directory that a living overlay
 * writes to, when `index=on`. The trial's own writable layer is an empty tmpfs that goes with it, so that
 * nothing is written to the directory.
 *
 * @returns true when something still uses it
 * @throws {OpFailure} when the question cannot be asked; ENOENT at "index": the file system of the
 * directory has no file handles, and overlayfs does not tell
 */
export async function overlayInUse(session: Session, question: UseQuestion): Promise<boolean> {
  const { path } = question
  const builder = planBuilder()
  if (question.detachedLayers) trial(builder.program('MAIN'), { path, attach: false })
  else trialInNamespace(builder, path)
  try {
    await session.run(builder.build())
    return false
  } catch (error) {
    const busy = error instanceof OpFailure && error.errno === errno.EBUSY &&
      error.call === 'fsconfig'
    await closeNamed(session)
    if (!busy) throw error
    return true
  }
}

/** Before Linux 6.15 layers must be attached: in a mount namespace that lives as long as the trial. */
function trialInNamespace(builder: PlanBuilder, path: string): void {
  const parent = builder.program('MAIN')
  const child = builder.program('HELPER')
  parent.step(0, `look whether "${path}" is in use`)
  const flags = bytes(cloneArgs.encode({ flags: k.CLONE_NEWNS, exit_signal: signal.SIGCHLD }))
  const pid = builder.slot()
  parent.emit('CLONE', [flags, role.HELPER], { out: pid.slot })
  parent.emit('REAP', [pid])
  child.step(1, `look whether "${path}" is in use`)
  const attr = bytes(mountAttr.encode({ propagation: k.MS_PRIVATE }))
  child.call('mount_setattr', [k.AT_FDCWD, '/', k.AT_RECURSIVE, attr, mountAttr.size])
  trial(child, { path, attach: true })
}

function trial(p: ProgramBuilder, { path, attach }: { path: string; attach: boolean }): void {
  p.step(1, `look whether "${path}" is in use`)
  const directory = k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC
  const lower = p.keep('openat', [k.AT_FDCWD, path, directory, 0])
  p.call('dup3', [lower, LOWER, k.O_CLOEXEC])
  p.call('close', [lower])
  const scratch = newMount(p, 'tmpfs', [['mode', '0700'], ['size', '1m']])
  // Over /proc/sys, of all places: it is there wherever the descriptors below can be named.
  if (attach) {
    p.call('move_mount', [scratch, '', k.AT_FDCWD, '/proc/sys', k.MOVE_MOUNT_F_EMPTY_PATH])
  }
  p.call('dup3', [scratch, SCRATCH, k.O_CLOEXEC])
  p.call('close', [scratch])
  p.call('mkdirat', [SCRATCH, 'upper', 0o700])
  p.call('mkdirat', [SCRATCH, 'work', 0o700])
  const overlay = newMount(p, 'overlay', [
    ['source', 'vserver'],
    ['lowerdir', `/proc/self/fd/${LOWER}`],
    ['upperdir', `/proc/self/fd/${SCRATCH}/upper`],
    ['workdir', `/proc/self/fd/${SCRATCH}/work`],
    ['index', 'on'],
  ])
  // Where overlayfs cannot keep an index it goes on without, and then does not tell.
  const index = p.keep('openat', [SCRATCH, 'work/index', directory, 0])
  p.call('close', [index])
  p.call('close', [overlay])
  p.call('close', [SCRATCH])
  p.call('close', [LOWER])
}

function newMount(
  p: ProgramBuilder,
  type: string,
  options: readonly (readonly [string, string])[],
): Arg {
  const context = p.keep('fsopen', [type, k.FSOPEN_CLOEXEC])
  for (const [key, value] of options) {
    p.call('fsconfig', [context, k.FSCONFIG_SET_STRING, key, value, 0])
  }
  p.call('fsconfig', [context, k.FSCONFIG_CMD_CREATE, 0, 0, 0])
  const mount = p.keep('fsmount', [context, k.FSMOUNT_CLOEXEC, 0])
  p.call('close', [context])
  return mount
}

/** A trial that was refused leaves descriptors. Its mount context goes with the session. */
async function closeNamed(session: Session): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, 'end the trial')
  for (const fd of [SCRATCH, LOWER]) p.call('close', [fd], { ignore: [errno.EBADF] })
  await session.run(builder.build())
}
