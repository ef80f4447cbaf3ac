/**
 * Frees what only guests shared that are no more.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { existingStores, type StorePlace } from '../guest/stores.ts'
import type { Session } from '../plan/session.ts'
import { markGarbage, mayHaveGarbage } from '../unify/garbage_mark.ts'
import type { Cli } from './types.ts'

/**
 * Removes objects of the stores that have become garbage, if there may be any: nothing else is loaded, nor a
 * store looked through, unless layers were removed. While a unification is under way this is left to the next
 * command that comes here.
 */
export async function collectShared(cli: Cli, session: Session): Promise<void> {
  const places = existingStores(cli.root).filter(({ store }) => mayHaveGarbage(store))
  if (places.length === 0) return
  const { withUnifyLock } = await import('./unify_lock.ts')
  await withUnifyLock(cli, session, {
    ...{ verb: 'destroy', timeoutMs: 0, stores: { places, stale: [] } },
    async deed() {
      for (const place of places) await collectIn(cli, session, place)
    },
  })
}

async function collectIn(cli: Cli, session: Session, place: StorePlace): Promise<void> {
  const { forgetGone } = await import('../unify/forget.ts')
  const { withIndex } = await import('../unify/index_file.ts')
  const { store, index: path } = place
  await forgetGone(session, {
    ...{ lib: cli.root.lib, store, gone: [] },
    async withIndex(forget) {
      if (!existsSync(path)) return
      const onDamage = (aside: string) =>
        cli.out.note(`the index was damaged, and is made anew; the old one is "${aside}"`)
      try {
        await withIndex({ path, onDamage }, (index) => Promise.resolve(forget(index)))
      } catch (error) {
        // Locked or damaged: the next command that comes here has it forget.
        if (!isSqliteError(error)) throw error
        markGarbage(store)
      }
    },
  })
}

function isSqliteError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
}
