/**
 * Sealing: what a stopped guest has written becomes an immutable layer, in a time that does not depend on
 * how much it is.
 *
 * The guest's record first names a layer that is an empty directory, which changes nothing. Then that
 * directory and the guest's upper directory change places, by one rename: now the layer holds everything,
 * and the upper directory is fresh. Whenever it is interrupted, the guest reads the same.
 *
 * Where that would make the guest's stack deep, its layers are first made one, see `flatten/`.
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
import { isCode, syncParent } from './files.ts'
import { deepestStack } from './flatten/deepest.ts'
import type { LayerPart } from './layer_part.ts'
import { type Patience, withLayersLock } from './layers.ts'
import type { Meta } from './meta.ts'
import { type StoredGuest, writeRecord } from './store.ts'
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
 * @throws {VServerError} E_IN_USE when its files are still open somewhere, E_LAYERS when there would be
 * more layers than can be mounted, and they cannot be merged
 */
export async function sealGuest(
  session: Session,
  request: SealRequest,
): Promise<readonly string[]> {
  const { root, guest, patience } = request
  const upper = join(guest.dir, 'upper')
  let { below, unused } = standingOn(root, guest.meta)
  if (isEmptyDirectory(upper)) return below
  await checkUnused(session, { upper, guest, verb: patience.verb })
  if (below.length + 1 > deepestStack) {
    const flat = await flatten(session, { ...request, below })
    // With the others, the unused one is gone.
    if (flat !== undefined) [below, unused] = [[flat], undefined]
  }
  // With the new layer, the template and the upper directory itself.
  if (below.length + 3 > maxLayers) {
    throw errors.E_LAYERS(
      `Cannot ${patience.verb} "${guest.name}": it stands on ${below.length} layers, which cannot be ` +
        'merged, for paths in them are too long',
      {
        hint: `shorten them inside; ${maxLayers - 2} layers can be mounted over a template`,
        details: { layers: below.length },
      },
    )
  }
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
      writeRecord(guest, meta)
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

/**
 * The layers that a guest reads through, top first. An empty one on top (`unused`) is left out: a seal was
 * interrupted after the record was written.
 */
export function standingOn(
  root: Root,
  { layers }: Pick<Meta, 'layers'>,
): { below: readonly string[]; unused: string | undefined } {
  const [top] = layers
  const unused = top !== undefined && isEmptyDirectory(layerDir(root, top)) ? top : undefined
  return { below: unused === undefined ? layers : layers.slice(1), unused }
}

/** Puts one layer in the place of all that a stopped guest has. `undefined`: that cannot be done. */
export async function flatten(
  session: Session,
  { root, guest, patience, below }: SealRequest & { below: readonly string[] },
): Promise<string | undefined> {
  const { meta, name } = guest
  const { flattenInto } = await import('./flatten/flatten.ts')
  const { publishParts, withLayerParts } = await import('./layer_part.ts')
  const deed = async (make: () => LayerPart) => {
    const part = make()
    await flattenInto(session, part, {
      root,
      meta: { ...meta, layers: below },
      signal: patience.signal,
    })
    const write = () => writeRecord(guest, { ...meta, layers: [part.id] })
    await publishParts(session, root, { parts: [part], write, drops: true, patience })
    return part.id
  }
  try {
    return await withLayerParts(session, root, { name, deed })
  } catch (error) {
    if (isCode(error, 'ENAMETOOLONG')) return undefined
    throw error
  }
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

/** Lets two directories change places, by one rename. */
export async function exchange(
  session: Session,
  { upper, layer }: { upper: string; layer: string },
): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `seal "${upper}"`)
  p.call('renameat2', [k.AT_FDCWD, upper, k.AT_FDCWD, layer, k.RENAME_EXCHANGE])
  await session.run(builder.build())
}
