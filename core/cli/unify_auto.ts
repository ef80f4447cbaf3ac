/**
 * `vserver unify --auto`: by a timer, or because a guest has ended (`supervise_after.c`). However often it is
 * asked for, one runs and at most one waits: what it finds when it begins is what all of them wanted.
 *
 * @module
 */
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { readHostConfig } from '../guest/host_config.ts'
import { takeLock } from '../host/lock.ts'
import type { Session } from '../plan/session.ts'
import type { Cli } from './types.ts'

/** How unification waits for its lock. */
export interface Turn {
  readonly session: Session
  readonly timeoutMs: number
  /** Called when it has the lock: whoever comes from now on waits for another turn. */
  readonly begin?: () => Promise<void>
}

/** A guest that is started again at once, or is destroyed, is not looked at. */
const AFTER_STOP_MS = 5000

/** Does it when its turn comes, or leaves it to the one that waits already. */
export async function inTurn(
  cli: Cli,
  session: Session,
  deed: (turn: Turn) => Promise<void>,
): Promise<void> {
  const handed = takeHandedLock()
  if (handed !== undefined) {
    if (readHostConfig(cli.root).unify.auto !== 'stop') return
    cli.out.note(`${new Date().toISOString()}: a guest has ended`)
    await sleep(AFTER_STOP_MS, undefined, { signal: cli.signal })
  }
  const begin = handed ?? await takeNext(cli, session)
  if (begin === undefined) {
    cli.out.note('another unify --auto waits for its turn already, and will do it')
    return
  }
  await deed({ session, timeoutMs: Number.POSITIVE_INFINITY, begin })
}

/** The lock that a supervisor took for this process, which frees it by closing it. */
function takeHandedLock(): Turn['begin'] {
  const [, fd] = /^(\d+)$/.exec(process.env['VSERVER_AFTER'] ?? '') ?? []
  delete process.env['VSERVER_AFTER']
  return fd === undefined ? undefined : () => Promise.resolve(closeSync(Number(fd)))
}

async function takeNext(cli: Cli, session: Session): Promise<Turn['begin']> {
  const path = join(cli.root.run, 'unify-next.lock')
  const got = await takeLock(session, path, { verb: 'unify', timeoutMs: 0, signal: cli.signal })
  return 'holder' in got ? undefined : () => got.lock.release()
}
