/**
 * The lock of unification: whoever gives objects of the store names, or removes objects, holds it.
 *
 * @module
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type LockHolder, takeLock } from '../host/lock.ts'
import type { Session } from '../plan/session.ts'
import { replayJournal } from '../unify/journal.ts'
import { journalOf, prepareStore, sweepStaging } from '../unify/store.ts'
import { executorOf } from './host.ts'
import type { Cli } from './types.ts'

export interface UnifyLockRequest<T> {
  readonly verb: string
  /** How long it is waited for. */
  readonly timeoutMs: number
  readonly deed: (store: string, openHelpers: () => Promise<readonly Session[]>) => Promise<T>
}

/** Executors that unify, at most. */
const MOST = 4

/**
 * Does something while no other unification is under way, after putting right what one that died left. The
 * executors that it opens beside the first each hold another lock: when the first dies, they may still be at
 * work, and the next unification waits for their end.
 *
 * @returns what the deed does, or who holds the lock instead
 */
export async function withUnifyLock<T>(
  cli: Cli,
  session: Session,
  { verb, timeoutMs, deed }: UnifyLockRequest<T>,
): Promise<{ readonly done: T } | { readonly holder: LockHolder }> {
  const path = join(cli.root.run, 'unify.lock')
  const request = { verb, timeoutMs, signal: cli.signal }
  const got = await takeLock(session, path, request)
  if ('holder' in got) return got
  const helpers: Session[] = []
  const helpersLock = join(cli.root.run, 'unify.helpers.lock')
  const openHelpers = async () => {
    const { openSession } = await import('../plan/session.ts')
    const count = Math.min(availableParallelism(), MOST)
    for (let i = 0; i < count; i++) {
      const helper = await openSession(executorOf(cli).path)
      helpers.push(helper)
      await takeLock(helper, helpersLock, { ...request, shared: true })
    }
    return helpers
  }
  try {
    const alone = await takeLock(session, helpersLock, request)
    if ('holder' in alone) return alone
    await alone.lock.release()
    const store = join(cli.root.lib, 'store')
    prepareStore(store)
    sweepStaging(store)
    await replayJournal(session, journalOf(store))
    return { done: await deed(store, openHelpers) }
  } finally {
    for (const helper of helpers) await helper.close()
    await got.lock.release()
  }
}
