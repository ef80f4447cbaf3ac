/**
 * The lock of unification: whoever gives objects of the store names, or removes objects, holds it.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { StorePlace, Stores } from '../guest/stores.ts'
import { busy } from '../errors.ts'
import { type LockHolder, takeLock } from '../host/lock.ts'
import type { Session } from '../plan/session.ts'
import { replayJournal } from '../unify/journal.ts'
import { journalOf, prepareStore, sweepStaging } from '../unify/store.ts'
import { finishMoves } from './finish_moves.ts'
import { executorOf } from './host.ts'
import type { Cli } from './types.ts'

/** Opens executors that work beside the first; they are closed before the lock is free. */
export type OpenHelpers = () => Promise<readonly Session[]>

export interface UnifyLockRequest<T> {
  readonly verb: string
  /** How long it is waited for. */
  readonly timeoutMs: number
  /** What is made ready for it. */
  readonly stores: Pick<Stores, 'places' | 'stale'>
  readonly deed: (places: readonly StorePlace[], openHelpers: OpenHelpers) => Promise<T>
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
  { verb, timeoutMs, stores, deed }: UnifyLockRequest<T>,
): Promise<{ readonly done: T } | { readonly holder: LockHolder }> {
  const path = join(cli.root.run, 'unify.lock')
  const request = { verb, timeoutMs, signal: cli.signal }
  const got = await takeLock(session, path, request)
  if ('holder' in got) return got
  const helpersLock = join(cli.root.run, 'unify.helpers.lock')
  const helpers: Session[] = []
  const openHelpers = async () => {
    const { openSession } = await import('../plan/session.ts')
    const count = Math.min(availableParallelism(), MOST)
    while (helpers.length < count) {
      const helper = await openSession(executorOf(cli).path)
      helpers.push(helper)
      const sharing = await takeLock(helper, helpersLock, { ...request, shared: true })
      // Nobody else may hold it as long as we have the other one: it is ours to work in.
      if ('holder' in sharing) throw busy(verb, 'the store of shared files', sharing.holder)
    }
    return helpers
  }
  try {
    const alone = await takeLock(session, helpersLock, request)
    if ('holder' in alone) return alone
    await alone.lock.release()
    for (const store of stores.stale) rmSync(store, { recursive: true })
    for (const { store } of stores.places) {
      prepareStore(store)
      sweepStaging(store)
      await replayJournal(session, journalOf(store))
    }
    await finishMoves(cli, session)
    return { done: await deed(stores.places, openHelpers) }
  } finally {
    for (const helper of helpers) await helper.close()
    await got.lock.release()
  }
}
