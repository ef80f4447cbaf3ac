/**
 * Removes directory trees that may be hostile or huge: through the executor, which follows no link and
 * crosses no mount.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import * as k from '../linux/constants.ts'
import { planBuilder } from '../plan/builder.ts'
import type { Session } from '../plan/session.ts'

/** Removes a file or a directory tree; one that is not there is fine. */
export async function sweep(session: Session, path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `remove "${path}"`)
  const parent = p.keep('openat', [
    k.AT_FDCWD,
    dirname(path),
    k.O_RDONLY | k.O_DIRECTORY | k.O_CLOEXEC,
    0,
  ])
  p.emit('SWEEP', [parent, basename(path)])
  p.call('close', [parent])
  await session.run(builder.build())
}
