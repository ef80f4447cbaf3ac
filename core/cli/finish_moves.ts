/**
 * Finishes what commands that died were moving out of writable layers.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { listGuests, pendingMove } from '../guest/store.ts'
import { takeLock } from '../host/lock.ts'
import { ensureDirectory } from '../host/root_dirs.ts'
import { guestDir, runDir } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import type { Cli } from './types.ts'

/**
 * Before trees are listed: a layer that files still have to come to would be looked at once, without them, and
 * never again. The caller holds the lock of unification, so nobody moves anything right now; who has the lock
 * of a guest has finished its move before.
 */
export async function finishMoves(cli: Cli, session: Session): Promise<void> {
  for (const name of listGuests(cli.root)) {
    const dir = guestDir(cli.root, name)
    if (!existsSync(pendingMove(dir))) continue
    const directory = runDir(cli.root, name)
    ensureDirectory(directory)
    const got = await takeLock(session, join(directory, 'lock'), { verb: 'sweep', timeoutMs: 0 })
    if ('holder' in got) continue
    try {
      const { finishMove } = await import('../guest/pending_move.ts')
      await finishMove(session, { root: cli.root, dir })
    } finally {
      await got.lock.release()
    }
  }
}
