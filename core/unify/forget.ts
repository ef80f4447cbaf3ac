/**
 * Forgets what is gone: trees, and the objects of the store that only they shared.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '../plan/session.ts'
import { mayHaveGarbage, takingMark } from './garbage_mark.ts'
import type { Index } from './index_file.ts'
import { collectStore } from './store.ts'

/**
 * Removes garbage from the store, and then what the index knows of it. The caller holds the lock of
 * unification. Killed in between, the index still names trees that are gone, and the next run goes on.
 *
 * @param lib what the ids of trees are paths below
 * @param withIndex gives the index; not asked when there is nothing to do
 * @returns bytes of what was removed
 */
export async function forgetGone(
  session: Session,
  { lib, store, gone, withIndex }: {
    readonly lib: string
    readonly store: string
    /** Ids of trees that are gone, as far as the caller knows. */
    readonly gone: readonly string[]
    readonly withIndex: (deed: (index: Index) => void) => void | Promise<void>
  },
): Promise<number> {
  let freed = 0
  if (gone.length === 0 && !mayHaveGarbage(store)) return freed
  await takingMark(store, async () => {
    const { kept, bytes } = await collectStore(session, store)
    freed = bytes
    await withIndex((index) => forget(index, { lib, gone, kept }))
  })
  return freed
}

function forget(
  index: Index,
  { lib, gone, kept }: {
    lib: string
    gone: readonly string[]
    kept: ReadonlySet<number>
  },
): void {
  const isGone = (id: string) =>
    gone.includes(id) || lstatSync(join(lib, id), { throwIfNoEntry: false }) === undefined
  index.change(() => {
    for (const id of [...index.trees().keys()].filter(isGone)) index.dropTree(id)
    for (const { ino } of index.objects()) if (!kept.has(ino)) index.drop(ino)
  })
}
