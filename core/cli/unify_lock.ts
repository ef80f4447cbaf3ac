/**
 * The lock of unification: whoever gives objects of the store names, or removes objects, holds it.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { StorePlace, Stores } from '../guest/stores.ts'
import { type LockHolder, takeLock } from '../host/lock.ts'
import type { Session } from '../plan/session.ts'
import { replayJournal } from '../unify/journal.ts'
import { journalOf, prepareStore, sweepStaging } from '../unify/store.ts'
import type { Cli } from './types.ts'

export interface UnifyLockRequest<T> {
  readonly verb: string
  /** How long it is waited for. */
  readonly timeoutMs: number
  /** What is made ready for it. */
  readonly stores: Pick<Stores, 'places' | 'stale'>
  readonly deed: (places: readonly StorePlace[]) => Promise<T>
}

/**
 * Does something while no other unification is under way, after putting right what one that died left.
 *
 * @returns what the deed does, or who holds the lock instead
 */
export async function withUnifyLock<T>(
  cli: Cli,
  session: Session,
  { verb, timeoutMs, stores, deed }: UnifyLockRequest<T>,
): Promise<{ readonly done: T } | { readonly holder: LockHolder }> {
  const path = join(cli.root.run, 'unify.lock')
  const got = await takeLock(session, path, { verb, timeoutMs, signal: cli.signal })
  if ('holder' in got) return got
  try {
    for (const store of stores.stale) rmSync(store, { recursive: true })
    for (const { store } of stores.places) {
      prepareStore(store)
      sweepStaging(store)
      await replayJournal(session, journalOf(store))
    }
    return { done: await deed(stores.places) }
  } finally {
    await got.lock.release()
  }
}
