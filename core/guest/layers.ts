/**
 * Sealed layers, `layers/ID`: immutable, shared by every guest whose record names them, and removed when
 * none does.
 *
 * A layer is added under the lock of layers: first `layers/.new-ID` says that this is under way, then the
 * directory is made, then a record names it. So whatever is not named while that lock is held is garbage.
 * What takes longer to make is made as a part first, see `layer_part.ts`.
 *
 * @module
 */
import { lstatSync, mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { errors } from '../errors.ts'
import { takeLock } from '../host/lock.ts'
import { guestDir, layerDir, type Root } from '../host/root.ts'
import { uniqueSuffix } from '../host/unique.ts'
import type { Session } from '../plan/session.ts'
import { markGarbage } from '../unify/garbage_mark.ts'
import { isCode, readNames, readText } from './files.ts'
import { namedLayers, parseMeta } from './meta.ts'
import { namePattern } from './name.ts'
import { existingStores } from './stores.ts'
import { sweep } from './sweep.ts'

/** How a lock is waited for. */
export interface Patience {
  readonly verb: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** Does something while no layer is added or collected, and no guest changes its name. */
export async function withLayersLock<T>(
  session: Session,
  root: Root,
  { patience, deed }: { patience: Patience; deed: () => Promise<T> | T },
): Promise<T> {
  const got = await takeLock(session, join(root.run, 'layers.lock'), patience)
  if ('holder' in got) {
    const { pid, verb } = got.holder
    throw errors.E_BUSY(
      `Cannot ${patience.verb}: the layers are locked by pid ${pid} (vserver ${verb})`,
      { hint: 'try again when that command is done, or wait longer with --lock-timeout' },
    )
  }
  try {
    return await deed()
  } finally {
    await got.lock.release()
  }
}

/** Whether a command died while it added or removed layers. */
export function hasUnfinishedLayers(root: Root): boolean {
  return readNames(join(root.lib, 'layers')).some((name) => /^\.(?:new|gone|part)-/.test(name))
}

/**
 * Writes a record that names fewer layers than before, and removes those that none names then. Killed in
 * between, the next command finds `.new-ID` and removes them.
 */
export async function dropLayers(
  session: Session,
  root: Root,
  { patience, write }: { patience: Patience; write: () => void },
): Promise<void> {
  const marker = layerDir(root, `.new-${uniqueSuffix()}`)
  const deed = () => {
    mkdirSync(marker, { mode: 0o700 })
    write()
  }
  await withLayersLock(session, root, { patience, deed })
  await collectLayers(session, root, patience)
}

/**
 * Removes layers that no guest's record names: neither as its own nor in a snapshot. One record that cannot
 * be read may name any layer: then nothing is removed. What only they shared is garbage in the store then.
 */
export async function collectLayers(
  session: Session,
  root: Root,
  patience: Patience,
): Promise<void> {
  const layers = join(root.lib, 'layers')
  if (readNames(layers).length === 0) return
  const deed = () => {
    const used = usedLayers(root)
    if (used === undefined) return
    for (const name of readNames(layers)) {
      const path = join(layers, name)
      if (name.startsWith('.new-')) rmdirSync(path)
      else if (!name.startsWith('.') && !used.has(name)) {
        renameSync(path, join(layers, `.gone-${name}`))
      }
    }
  }
  await withLayersLock(session, root, { patience, deed })
  const gone = readNames(layers).filter((name) => name.startsWith('.gone-'))
  if (gone.length === 0) return
  const mark = () => existingStores(root).forEach(({ store }) => markGarbage(store))
  mark()
  for (const name of gone) await sweep(session, join(layers, name))
  mark()
}

/** Ids that the records of guests name; `undefined` when one cannot be read. */
function usedLayers(root: Root): ReadonlySet<string> | undefined {
  const used = new Set<string>()
  for (const name of readNames(join(root.lib, 'guests'))) {
    if (!namePattern.test(name)) continue
    const file = join(guestDir(root, name), 'meta.json')
    const text = readText(file)
    if (text === undefined) {
      // Destroyed just now; or damaged.
      if (lstatSync(guestDir(root, name), { throwIfNoEntry: false }) === undefined) continue
      return undefined
    }
    try {
      for (const id of namedLayers(parseMeta(file, text))) used.add(id)
    } catch (error) {
      if (isCode(error, 'E_FORMAT')) return undefined
      throw error
    }
  }
  return used
}
