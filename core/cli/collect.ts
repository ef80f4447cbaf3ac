/**
 * Frees what only guests shared that are no more.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '../plan/session.ts'
import { markGarbage, mayHaveGarbage } from '../unify/garbage_mark.ts'
import type { Cli } from './types.ts'

/**
 * Removes objects of the store that have become garbage, if there may be any: nothing else is loaded, nor the
 * store looked through, unless layers were removed. While a unification is under way this is left to the next
 * command that comes here.
 */
export async function collectShared(cli: Cli, session: Session): Promise<void> {
  const { lib } = cli.root
  if (!mayHaveGarbage(join(lib, 'store'))) return
  const { withUnifyLock } = await import('./unify_lock.ts')
  const { forgetGone } = await import('../unify/forget.ts')
  const { withIndex } = await import('../unify/index_file.ts')
  const path = join(lib, 'index.sqlite')
  const deed = (store: string) =>
    forgetGone(session, {
      ...{ lib, store, gone: [] },
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
  await withUnifyLock(cli, session, { verb: 'destroy', timeoutMs: 0, deed })
}

function isSqliteError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
}
