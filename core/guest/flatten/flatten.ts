/**
 * Makes one layer of a guest's layers, so that its stack stays shallow: a failed look-up asks every layer.
 *
 * @module
 */
import { join } from 'node:path'
import type { Root } from '../../host/root.ts'
import { layerDir, templateDir } from '../../host/root.ts'
import type { Session } from '../../plan/session.ts'
import type { LayerPart } from '../layer_part.ts'
import type { Meta } from '../meta.ts'
import { mergeLayers } from './merge.ts'
import { type ReadLayer, readLayer, templateLook } from './read.ts'
import { writeMerged } from './write.ts'

/**
 * Writes what a guest's layers show over its template into a part of a new layer. The layers stay.
 *
 * @throws NodeJS.ErrnoException ENAMETOOLONG when a path is too long to be named from outside
 */
export async function flattenInto(
  session: Session,
  part: LayerPart,
  { root, meta, signal }: {
    root: Root
    meta: Pick<Meta, 'layers' | 'template'>
    signal: AbortSignal | undefined
  },
): Promise<void> {
  const layers: ReadLayer[] = []
  for (const id of meta.layers) layers.push(await readLayer(session, layerDir(root, id), signal))
  const merged = mergeLayers({
    layers: layers.map(({ listing }) => listing),
    template: templateLook(templateDir(root, meta.template)),
  })
  const target = {
    path: part.tree,
    scratch: part.scratch,
    origin: join(root.lib, 'layers'),
    signal,
  }
  await writeMerged(session, { merged, layers, target })
}
