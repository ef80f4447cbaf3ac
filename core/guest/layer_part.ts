/**
 * Layers that take their time to be made: `layers/.part-GUEST-ID/tree`, by a command that holds the lock of
 * that guest. So a part whose guest's lock is free was left by a command that died.
 *
 * @module
 */
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { layerDir, type Root } from '../host/root.ts'
import { uniqueSuffix } from '../host/unique.ts'
import type { Session } from '../plan/session.ts'
import { readNames, syncParent } from './files.ts'
import { collectLayers, type Patience, withLayersLock } from './layers.ts'
import { sweep } from './sweep.ts'

export interface LayerPart {
  /** The layer's id, once it is one. */
  readonly id: string
  readonly directory: string
  /** Not there yet. */
  readonly tree: string
  /** For what is on its way there; not there either. */
  readonly scratch: string
}

/**
 * Lends parts, and removes what has not become a layer.
 *
 * @param name of the guest, whose lock the caller holds
 */
export async function withLayerParts<T>(
  session: Session,
  root: Root,
  { name, deed }: { name: string; deed: (make: () => LayerPart) => Promise<T> },
): Promise<T> {
  await sweepParts(session, root, name)
  const make = (): LayerPart => {
    const id = uniqueSuffix()
    const directory = layerDir(root, `.part-${name}-${id}`)
    mkdirSync(directory, { mode: 0o700 })
    return { id, directory, tree: join(directory, 'tree'), scratch: join(directory, 'scratch') }
  }
  try {
    return await deed(make)
  } finally {
    await sweepParts(session, root, name)
  }
}

export interface Publication {
  /** Whole, and on the disk. */
  readonly parts: readonly LayerPart[]
  /** Writes the record that names them: the moment of change. */
  readonly write: () => void
  /** Whether the record ceases to name other layers. */
  readonly drops: boolean
  readonly patience: Patience
}

/** Makes parts layers, together with the record that names them. */
export async function publishParts(
  session: Session,
  root: Root,
  { parts, write, drops, patience }: Publication,
): Promise<void> {
  const [first] = parts
  if (first === undefined) throw new RangeError('there is nothing to publish')
  const marker = layerDir(root, `.new-${first.id}`)
  const deed = () => {
    // Until the record is written, whoever comes after a crash sees by this that there may be garbage.
    mkdirSync(marker, { mode: 0o700 })
    for (const { id, tree } of parts) renameSync(tree, layerDir(root, id))
    syncParent(marker)
    try {
      write()
    } catch (error) {
      for (const { id, tree } of parts) renameSync(layerDir(root, id), tree)
      rmdirSync(marker)
      throw error
    }
    if (!drops) rmdirSync(marker)
  }
  await withLayersLock(session, root, { patience, deed })
  if (drops) await collectLayers(session, root, patience)
}

/** Guests of which there are parts. */
export function namesWithParts(root: Root): readonly string[] {
  const names = readNames(join(root.lib, 'layers')).flatMap((entry) => guestOf(entry) ?? [])
  return [...new Set(names)]
}

/** Removes the parts of one guest; the caller holds its lock. */
export async function sweepParts(session: Session, root: Root, name: string): Promise<void> {
  const layers = join(root.lib, 'layers')
  for (const entry of readNames(layers)) {
    if (guestOf(entry) === name) await sweep(session, join(layers, entry))
  }
}

function guestOf(entry: string): string | undefined {
  return /^\.part-([a-z0-9][a-z0-9-]{0,62})-[0-9a-f]{12}$/.exec(entry)?.[1]
}
