/**
 * Makes what was written last through a power failure, all of it at once.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { planBuilder } from '../plan/builder.ts'
import type { Session } from '../plan/session.ts'

/** `SYNC_FILE_RANGE_WRITE`: start to write, do not wait (linux/fs.h). */
const START_WRITING = 2

/**
 * Writes files and directories to disk. The writing of all is started before the first is waited for: a
 * journal then commits once for them, where one after the other would make it commit for each.
 *
 * @throws {OpFailure} naming the path
 */
export async function syncAll(session: Session, paths: readonly string[]): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  const open = paths.map((path, index) => {
    p.step(index, `write "${path}"`)
    const fd = p.keep('openat', [k.AT_FDCWD, path, k.O_RDONLY | k.O_NOFOLLOW | k.O_CLOEXEC, 0])
    // A hint: what cannot take it is only slower.
    p.call('sync_file_range', [fd, 0, 0, START_WRITING], {
      ignore: [errno.EINVAL, errno.ENOSYS],
    })
    return { path, fd }
  })
  open.forEach(({ path, fd }, index) => {
    p.step(index, `write "${path}"`)
    p.call('fsync', [fd])
    p.call('close', [fd])
  })
  await session.run(builder.build())
}
