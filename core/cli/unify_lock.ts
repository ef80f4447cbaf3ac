/**
 * The lock of unification: whoever gives objects of the store names, or removes objects, holds it.
 *
 * @module
 */
import { join } from 'node:path'
import { type LockHolder, takeLock } from '../host/lock.ts'
import type { Session } from '../plan/session.ts'
import { replayJournal } from '../unify/journal.ts'
import { journalOf, prepareStore, sweepStaging } from '../unify/store.ts'
import type { Cli } from './types.ts'

export interface UnifyLockRequest<T> {
  readonly verb: string
  /** How long it is waited for. */
  readonly timeoutMs: number
  readonly deed: (store: string) => Promise<T>
}

/**
 * Does something while no other unification is under way, after putting right what one that died left.
 *
 * @returns what the deed does, or who holds the lock instead
 */
export async function withUnifyLock<T>(
  cli: Cli,
  session: Session,
  { verb, timeoutMs, deed }: UnifyLockRequest<T>,
): Promise<{ readonly done: T } | { readonly holder: LockHolder }> {
  const path = join(cli.root.run, 'unify.lock')
  const got = await takeLock(session, path, { verb, timeoutMs, signal: cli.signal })
  if ('holder' in got) return got
  try {
    const store = join(cli.root.lib, 'store')
    prepareStore(store)
    sweepStaging(store)
    await replayJournal(session, journalOf(store))
    return { done: await deed(store) }
  } finally {
    await got.lock.release()
  }
}
