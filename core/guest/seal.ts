/**
 * Sealing: what a stopped guest has written becomes an immutable layer, in a time that does not depend on
 * how much it is.
 *
 * The guest's record first names a layer that is an empty directory, which changes nothing. Then that
 * directory and the guest's upper directory change places, by one rename: now the layer holds everything,
 * and the upper directory is fresh. Whenever it is interrupted, the guest reads the same.
 *
 * The work directory stays: the kernel empties it at every mount.
 *
 * @module
 */
import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { maxLayers } from '../context/max_layers.ts'
import { errors } from '../errors.ts'
import { takesDetachedLayers } from '../host/kernel.ts'
import { overlayInUse } from '../host/overlay_use.ts'
import { layerDir, type Root } from '../host/root.ts'
import { uniqueSuffix } from '../host/unique.ts'
import * as k from '../linux/constants.ts'
import { planBuilder } from '../plan/builder.ts'
import type { Session } from '../plan/session.ts'
import { syncParent, writeWhole } from './files.ts'
import { type Patience, withLayersLock } from './layers.ts'
import { encodeMeta, type Meta } from './meta.ts'
import type { StoredGuest } from './store.ts'
import { isEmptyDirectory, makeDirectoryLike } from './upper.ts'

export interface SealRequest {
  readonly root: Root
  /** Stopped; the caller holds its lock. */
  readonly guest: StoredGuest
  readonly patience: Patience
}

/**
 * Seals what a guest has written.
 *
 * @returns ids of the layers that now hold all of it, top first; those of before when nothing was written
 * @throws {VServerError} E_IN_USE when its files are still open somewhere, E_LAYERS
 */
export async function sealGuest(
  session: Session,
  request: SealRequest,
): Promise<readonly string[]> {
  const { root, guest, patience } = request
  const upper = join(guest.dir, 'upper')
  // An empty layer on top: a seal was interrupted after the record was written.
  const [top] = guest.meta.layers
  const unused = top !== undefined && isEmptyDirectory(layerDir(root, top)) ? top : undefined
  const below = unused === undefined ? guest.meta.layers : guest.meta.layers.slice(1)
  if (isEmptyDirectory(upper)) return below
  // With the new layer, the template and the upper directory itself.
  if (below.length + 3 > maxLayers) {
    throw errors.E_LAYERS(
      `Cannot ${patience.verb} "${guest.name}": at most ${maxLayers - 2} layers can be mounted ` +
        `over a template, and it has ${below.length}`,
      {
        hint: `vserver create NEW --from guest:${guest.name} makes a copy with one layer`,
        details: { layers: below.length },
      },
    )
  }
  await checkUnused(session, { upper, guest, verb: patience.verb })
  const id = uniqueSuffix()
  const layer = layerDir(root, id)
  const marker = layerDir(root, `.new-${id}`)
  const layers = [id, ...below]
  const deed = async () => {
    mkdirSync(marker, { mode: 0o700 })
    try {
      await makeDirectoryLike(session, { path: layer, like: upper })
      // No record without the layer that it names, and no exchange without the record.
      syncParent(layer)
      const meta: Meta = { ...guest.meta, layers }
      const record = join(guest.dir, 'meta.json')
      writeWhole(record, encodeMeta(meta), { sync: true })
      syncParent(record)
    } catch (error) {
      rmSync(layer, { recursive: true, force: true })
      rmdirSync(marker)
      throw error
    }
    rmdirSync(marker)
  }
  await withLayersLock(session, root, { patience, deed })
  await exchange(session, { upper, layer })
  // A record that names the layer may only outlive a power failure together with the layer's content.
  syncParent(layer)
  syncParent(upper)
  if (unused !== undefined) rmdirSync(layerDir(root, unused))
  return layers
}

async function checkUnused(
  session: Session,
  { upper, guest, verb }: { upper: string; guest: StoredGuest; verb: string },
): Promise<void> {
  const detachedLayers = takesDetachedLayers(release())
  if (!await overlayInUse(session, { path: upper, detachedLayers })) return
  throw errors.E_IN_USE(
    `Cannot ${verb} "${guest.name}": files of it are still open although it is stopped`,
    {
      hint: 'end the process outside that has them, such as another guest that was handed one',
      details: { directory: upper },
    },
  )
}

async function exchange(
  session: Session,
  { upper, layer }: { upper: string; layer: string },
): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `seal "${upper}"`)
  p.call('renameat2', [k.AT_FDCWD, upper, k.AT_FDCWD, layer, k.RENAME_EXCHANGE])
  await session.run(builder.build())
}
