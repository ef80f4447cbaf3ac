/**
 * Descriptors that the executor keeps from plan to plan.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { planBuilder } from '../plan/builder.ts'
import type { Session } from '../plan/session.ts'

/** Opens a directory in the executor. @returns its number there */
export async function openDirectory(session: Session, path: string): Promise<number> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `open "${path}"`)
  const flags = k.O_RDONLY | k.O_DIRECTORY | k.O_NOFOLLOW | k.O_CLOEXEC
  const fd = p.keep('openat', [k.AT_FDCWD, path, flags, 0])
  const { slots } = await session.run(builder.build())
  return Number(slots[fd.kind === 'slot' ? fd.slot : 0])
}

/** Closes a descriptor of the executor. */
export async function closeDescriptor(session: Session, fd: number): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, 'close a directory')
  p.call('close', [fd])
  await session.run(builder.build())
}
