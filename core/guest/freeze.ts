/**
 * Holds a running guest still, so that what it has written can be copied as of one moment.
 *
 * The guest's cgroup2 is frozen; that works in the hybrid layout too, where the tree has no controllers. It is
 * thawed whatever happens: a process of the session waits for the end of a pipe whose other end only the
 * session has, and thaws when that ends, be it because we have died. Should that process have been killed
 * as well, `RUN/frozen` tells the next command.
 *
 * @module
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errors } from '../errors.ts'
import { type Executor, withLongSession } from '../host/executor.ts'
import type { Root } from '../host/root.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { cloneArgs } from '../linux/structs.ts'
import { role } from '../plan/abi.ts'
import { planBuilder } from '../plan/builder.ts'
import { bytes, fromSlot, part } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import { isCode, readText } from './files.ts'
import { frozenMark } from './frozen_mark.ts'
import { readLife } from './life.ts'

/** How long a guest may take to stand still: a process that waits for a disk does so later. */
const FREEZE_MS = 10_000

export interface FreezeRequest {
  readonly root: Root
  /** Of a guest that runs; the caller holds its lock. */
  readonly name: string
  /** For messages. */
  readonly verb: string
  readonly signal: AbortSignal
}

/**
 * Does something while nothing in a guest runs.
 *
 * @returns its result, and how long the guest stood still, in milliseconds
 * @throws {VServerError} E_FREEZE when it does not stand still in time, or did not until the end
 */
export async function whileFrozen<T>(
  executor: Executor,
  request: FreezeRequest,
  deed: () => Promise<T>,
): Promise<{ readonly result: T; readonly freezeMs: number }> {
  const { root, name, verb, signal } = request
  const cgroup = guestCgroupDir(root, name)
  const mark = frozenMark(root, name)
  if (cgroup === undefined) throw refused(request, 'its cgroup is not found')
  if (isFrozen(cgroup) && !existsSync(mark)) {
    // The administrator's doing, and his to undo.
    return { result: await deed(), freezeMs: 0 }
  }
  return await withLongSession(executor, async (session) => {
    writeFileSync(mark, '', { mode: 0o600 })
    const start = performance.now()
    try {
      await freeze(session, { cgroup, name })
      await stand(request, cgroup)
      const result = await deed()
      // Somebody thawed it meanwhile, or it has ended: then it is not one moment that was copied.
      if (!isFrozen(cgroup)) throw refused(request, 'it did not stand still until the end')
      await thaw(session, { cgroup, name })
      return { result, freezeMs: Math.round((performance.now() - start) * 10) / 10 }
    } finally {
      await thaw(session, { cgroup, name })
      rmSync(mark, { force: true })
    }
  })

  async function stand(request: FreezeRequest, cgroup: string): Promise<void> {
    const end = performance.now() + FREEZE_MS
    while (!isFrozen(cgroup)) {
      signal.throwIfAborted()
      if (readLife(root, name).kind !== 'alive') throw refused(request, `it ended during ${verb}`)
      if (performance.now() > end) {
        throw refused(request, `something in it does not stand still within ${FREEZE_MS / 1000} s`)
      }
      await sleep(1)
    }
  }
}

function refused({ verb, name }: FreezeRequest, detail: string) {
  return errors.E_FREEZE(`Cannot ${verb} "${name}" while it runs: ${detail}`, {
    hint: `try again, or vserver stop ${name} first`,
  })
}

/** Thaws a guest that a dead command held still; the caller holds its lock. */
export async function thawLeft(session: Session, root: Root, name: string): Promise<void> {
  const cgroup = guestCgroupDir(root, name)
  if (cgroup !== undefined) await thaw(session, { cgroup, name })
  rmSync(frozenMark(root, name), { force: true })
}

/** The cgroup2 directory that all of a running guest's processes are in or below. */
function guestCgroupDir(root: Root, name: string): string | undefined {
  const life = readLife(root, name)
  if (life.kind !== 'alive' || life.record.init.pid === 0) return undefined
  const mount = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    .map((line) => line.split(' ')).find((one) => one[2] === 'cgroup2')?.[1]
  const own = readText(`/proc/${life.record.init.pid}/cgroup`)?.split('\n')
    .find((line) => line.startsWith('0::'))?.slice(3)
  const group = `/vserver-${root.digest6}/${name}`
  const at = `${own}/`.indexOf(`${group}/`)
  return mount === undefined || at === -1 ? undefined : `${mount}${own?.slice(0, at) ?? ''}${group}`
}

function isFrozen(cgroup: string): boolean {
  try {
    return /^frozen 1$/m.test(readFileSync(join(cgroup, 'cgroup.events'), 'utf8'))
  } catch (error) {
    // The guest has ended, and its cgroup is gone.
    if (isCode(error, 'ENOENT', 'ENODEV')) return false
    throw error
  }
}

/** Freezes, once the process is there that will thaw. */
async function freeze(
  session: Session,
  { cgroup, name }: { cgroup: string; name: string },
): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  const helper = builder.program('HELPER')
  p.step(0, `hold guest "${name}" still`)
  const file = p.keep('openat', [k.AT_FDCWD, `${cgroup}/cgroup.freeze`, k.O_WRONLY | k.O_CLOEXEC])
  const ends = bytes(8)
  p.call('pipe2', [ends, k.O_CLOEXEC])
  const [reading, writing] = [0, 4].map((offset) => {
    const { slot } = builder.slot()
    p.emit('LOAD', [part(ends, { offset, length: 4 })], { out: slot })
    return fromSlot(slot)
  })
  if (reading === undefined || writing === undefined) throw new RangeError('a pipe has two ends')
  // Not our child: a later plan that fails must not end it.
  const flags = bytes(cloneArgs.encode({ flags: k.CLONE_PARENT }))
  p.emit('CLONE', [flags, role.HELPER])
  p.call('close', [reading])
  p.call('pwrite64', [file, '1', 1, 0])
  helper.step(1, `thaw guest "${name}"`)
  helper.call('close', [writing])
  helper.call('read', [reading, bytes(8), 1])
  helper.call('pwrite64', [file, '0', 1, 0])
  await session.run(builder.build())
}

async function thaw(
  session: Session,
  { cgroup, name }: { cgroup: string; name: string },
): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `thaw guest "${name}"`)
  const ignore = [errno.ENOENT, errno.ENODEV]
  const path = `${cgroup}/cgroup.freeze`
  const file = p.keep('openat', [k.AT_FDCWD, path, k.O_WRONLY | k.O_CLOEXEC], { ignore })
  p.call('write', [file, '0', 1], { ignore: [errno.EBADF, errno.ENODEV] })
  p.call('close', [file], { ignore: [errno.EBADF] })
  await session.run(builder.build())
}
