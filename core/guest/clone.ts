/**
 * Clones: another guest over the same layers.
 *
 * @module
 */
import { chmodSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { claimIds, type IdBounds } from '../host/ids.ts'
import { guestDir, type Root } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import { notedHostname } from './host_name.ts'
import type { Patience } from './layers.ts'
import type { Snapshot } from './meta.ts'
import { sealGuest } from './seal.ts'
import {
  commitGuest,
  lowerDirs,
  type StagedGuest,
  stageGuest,
  type StoredGuest,
  writeStaged,
} from './store.ts'
import { sweep } from './sweep.ts'
import { resolveInTree } from './tree.ts'
import { makeDirectoryLike, replaceUpper } from './upper.ts'

export interface CloneRequest {
  readonly root: Root
  /** Stopped where its own files are shared; the caller holds its lock. */
  readonly source: StoredGuest
  /** Of the new guest, whose lock the caller holds, too. */
  readonly name: string
  /** Text of its guest.yaml. */
  readonly yaml: string
  readonly bounds: IdBounds
  readonly patience: Patience
}

/**
 * Makes a guest that reads like another one and shares all its files. What either writes from now on is
 * its own.
 *
 * @throws {VServerError} E_EXISTS, E_IN_USE, E_LAYERS, E_ID_EXHAUSTED
 */
export async function cloneGuest(session: Session, request: CloneRequest): Promise<void> {
  const { root, source, patience } = request
  await cloneOver(session, request, async (upper) => {
    const layers = await sealGuest(session, { root, guest: source, patience })
    await replaceUpper(session, { path: upper, like: join(source.dir, 'upper') })
    return layers
  })
}

/**
 * Makes a guest that reads like a snapshot of another one, and shares all its files. The other may run.
 *
 * @throws {VServerError} E_EXISTS, E_ID_EXHAUSTED
 */
export async function cloneSnapshot(
  session: Session,
  request: CloneRequest & { snapshot: Snapshot },
): Promise<void> {
  const { root, source: { meta }, snapshot } = request
  const { makeUpper } = await import('./snapshot.ts')
  await cloneOver(session, request, async (upper) => {
    rmdirSync(upper)
    await makeUpper(session, { path: upper, root, meta, snapshot })
    return snapshot.layers
  })
}

/** @param prepare makes the writable directory anew, and says which layers the guest is laid over */
async function cloneOver(
  session: Session,
  { root, source, name, yaml, bounds, patience }: CloneRequest,
  prepare: (upper: string) => Promise<readonly string[]>,
): Promise<void> {
  const staged = stageGuest(root, name, { yaml })
  try {
    const layers = await prepare(join(staged.path, 'upper'))
    const meta = { ...source.meta, layers }
    await stageCloneHostname(session, { staged, layers: lowerDirs(root, meta) })
    const claim = {
      owner: guestDir(root, name),
      bounds,
      ...(patience.signal === undefined ? {} : { signal: patience.signal }),
    }
    const { template, from } = meta
    await claimIds(
      session,
      claim,
      (ids) => commitGuest(session, staged, { root, template, ids, layers, from }),
    )
  } catch (error) {
    await sweep(session, staged.path)
    throw error
  }
}

/** Where the source has a file with its host name, the clone gets its own. No link is followed. */
async function stageCloneHostname(
  session: Session,
  { staged, layers }: { staged: StagedGuest; layers: readonly string[] },
): Promise<void> {
  const etc = resolveInTree({ layers }, '/etc')
  if (etc?.path !== '/etc' || !etc.stats.isDirectory()) return
  if (resolveInTree({ layers }, '/etc/hostname') === undefined) return
  const directory = join(staged.path, 'upper/etc')
  await makeDirectoryLike(session, { path: directory, like: etc.host })
  const file = join(directory, 'hostname')
  writeStaged(staged, file, `${staged.name}\n`)
  chmodSync(file, 0o644)
  writeStaged(staged, notedHostname(staged.path), `${staged.name}\n`)
}
