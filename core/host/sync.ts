/**
 * Makes whole file systems last.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { planBuilder } from '../plan/builder.ts'
import type { Session } from '../plan/session.ts'

/** Makes all that was written to a directory's file system last through a power failure. */
export async function syncFileSystem(session: Session, path: string): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `write "${path}" to disk`)
  const fd = p.keep('openat', [k.AT_FDCWD, path, k.O_RDONLY | k.O_DIRECTORY | k.O_CLOEXEC, 0])
  p.call('syncfs', [fd])
  p.call('close', [fd])
  await session.run(builder.build())
}
