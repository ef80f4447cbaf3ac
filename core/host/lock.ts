/**
 * Advisory locks, flock(2), held by a batch session: they are free as soon as it ends, however it ends.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { planBuilder } from '../plan/builder.ts'
import { OpFailure } from '../plan/failure.ts'
import { bytes } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import { encodeUtf8 } from '../linux/text.ts'
import { readRegular } from './regular.ts'

/** A lock that is held. */
export interface Lock {
  /** Frees it. The file stays, for somebody may wait for it. */
  release(): Promise<void>
}

export interface LockRequest {
  /** The verb that the lock is taken for; others see it. */
  readonly verb: string
  readonly timeoutMs: number
  /** Others may hold it so as well; who they are is not written down. */
  readonly shared?: boolean
  readonly signal?: AbortSignal
  /** Called once when somebody else holds the lock, before waiting. */
  readonly onWait?: (holder: LockHolder) => void
}

export interface LockHolder {
  /** 0 when the file does not say. */
  readonly pid: number
  readonly verb: string
}

/** Size of `struct stat`; st_dev and st_ino are its first two words on all 64-bit Linux. */
const STAT_BYTES = 144

/**
 * Takes a lock, waiting for it as long as the request says.
 *
 * The file's name may be removed together with its directory; a lock on a file that has no name any more
 * protects nothing, so that it is taken again then.
 *
 * @returns the holder instead of a lock when the time is over
 */
export async function takeLock(
  session: Session,
  path: string,
  request: LockRequest,
): Promise<{ readonly lock: Lock } | { readonly holder: LockHolder }> {
  const end = uptimeMs() + request.timeoutMs
  let pauseMs = 2
  let waited = false
  for (;;) {
    request.signal?.throwIfAborted()
    const fd = await tryLock(session, path, request)
    if (fd !== undefined) return { lock: { release: () => closeDescriptor(session, fd) } }
    const holder = readHolder(path)
    if (uptimeMs() >= end) return { holder }
    if (!waited) request.onWait?.(holder)
    waited = true
    await sleep(pauseMs, undefined, request.signal === undefined ? {} : { signal: request.signal })
    pauseMs = Math.min(pauseMs * 2, 32)
  }
}

/** A clock that nobody sets. The one of node:perf_hooks is the same, and takes 3 ms to load. */
function uptimeMs(): number {
  return process.uptime() * 1000
}

async function tryLock(
  session: Session,
  path: string,
  request: LockRequest,
): Promise<number | undefined> {
  for (;;) {
    const fd = await openLock(session, path)
    try {
      const { dev, ino } = await flock(session, { fd, path, request })
      const named = lstatSync(path, { bigint: true, throwIfNoEntry: false })
      if (named !== undefined && named.dev === dev && named.ino === ino) return fd
      await closeDescriptor(session, fd)
    } catch (error) {
      await closeDescriptor(session, fd)
      if (error instanceof OpFailure && error.errno === errno.EAGAIN) return undefined
      throw error
    }
  }
}

async function openLock(session: Session, path: string): Promise<number> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `open the lock "${path}"`)
  const flags = k.O_RDWR | k.O_CREAT | k.O_NOFOLLOW | k.O_CLOEXEC
  const fd = p.keep('openat', [k.AT_FDCWD, path, flags, 0o600])
  const { slots } = await session.run(builder.build())
  return Number(slots[fd.kind === 'slot' ? fd.slot : 0])
}

/** Locks and, unless others hold it too, writes who holds it: `PID VERB\n`. */
async function flock(
  session: Session,
  { fd, path, request: { verb, shared = false } }: {
    fd: number
    path: string
    request: LockRequest
  },
): Promise<{ dev: bigint; ino: bigint }> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  const text = encodeUtf8(`${process.pid} ${verb}\n`)
  const stat = bytes(STAT_BYTES)
  p.step(0, `take the lock "${path}"`)
  p.call('flock', [fd, (shared ? k.LOCK_SH : k.LOCK_EX) | k.LOCK_NB])
  if (!shared) {
    p.step(1, `write into the lock "${path}"`)
    p.call('pwrite64', [fd, bytes(text), text.length, 0])
    p.call('ftruncate', [fd, text.length])
  }
  p.step(2, `look at the lock "${path}"`)
  p.call('fstat', [fd, stat])
  p.emit('REPORT', [stat, STAT_BYTES])
  const answer = await session.run(builder.build())
  const view = new DataView(answer.bytes.buffer, answer.bytes.byteOffset)
  return { dev: view.getBigUint64(0, true), ino: view.getBigUint64(8, true) }
}

async function closeDescriptor(session: Session, fd: number): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, 'free a lock')
  p.call('close', [fd])
  await session.run(builder.build())
}

/** Who holds a lock, as its file says. */
export function readHolder(path: string): LockHolder {
  const read = readRegular(path, { follow: false })
  const match = read.kind === 'read' ? /^(\d+) (\S+)/.exec(read.bytes.toString('utf8')) : null
  return { pid: Number(match?.[1] ?? 0), verb: match?.[2] ?? '?' }
}
