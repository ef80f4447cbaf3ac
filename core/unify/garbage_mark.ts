/**
 * The mark that the store may hold garbage: whoever removes trees leaves it, whoever collects takes it.
 *
 * @module
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const MARK = '.garbage'

/** While a collection is under way. One that dies leaves it for the next. */
const TAKEN = '.garbage-taken'

/**
 * Says that trees were removed, or are about to be: before, for should the remover die, and afterwards, for a
 * collection may have looked in between. Without a store there is nothing to say.
 */
export function markGarbage(store: string): void {
  try {
    writeFileSync(join(store, MARK), '', { mode: 0o600 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

/** Whether there may be garbage. */
export function mayHaveGarbage(store: string): boolean {
  return existsSync(join(store, MARK)) || existsSync(join(store, TAKEN))
}

/** Does a collection; what becomes garbage meanwhile is for the next one. */
export async function takingMark<T>(store: string, collect: () => Promise<T>): Promise<T> {
  if (existsSync(join(store, MARK))) renameSync(join(store, MARK), join(store, TAKEN))
  const result = await collect()
  rmSync(join(store, TAKEN), { force: true })
  return result
}
