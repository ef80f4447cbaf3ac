/**
 * The way back from unification: the layers of a stopped guest become copies of its own.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { type Executor, withLongSession } from '../host/executor.ts'
import { layerDir, type Root } from '../host/root.ts'
import { syncFileSystem } from '../host/sync.ts'
import { isOverlayXattr } from '../host/tree/kept-xattr.ts'
import { scanTree } from '../host/tree/scan.ts'
import { writeTree } from '../host/tree/writer.ts'
import type { Session } from '../plan/session.ts'
import type { Progress } from '../plugin/types.ts'
import { type LayerPart, publishParts, withLayerParts } from './layer_part.ts'
import type { Patience } from './layers.ts'
import { type StoredGuest, writeRecord } from './store.ts'

export interface UndoRequest {
  readonly root: Root
  /** Stopped; the caller holds its lock. */
  readonly guest: StoredGuest
  readonly patience: Patience
  readonly executor: Executor
  readonly signal: AbortSignal
  readonly progress: (event: Progress) => void
}

/**
 * Copies the layers of a guest, so that nothing of them is shared with another guest any more. Its template
 * stays what it is, and so do its snapshots.
 *
 * @returns how many layers it has
 */
export async function undoSharing(session: Session, request: UndoRequest): Promise<number> {
  const { root, guest, patience } = request
  const { meta, name } = guest
  if (meta.layers.length === 0) return 0
  const deed = async (make: () => LayerPart) => {
    const parts: LayerPart[] = []
    for (const id of meta.layers) {
      const part = make()
      parts.push(part)
      mkdirSync(part.tree)
      await copyLayer(request, { from: layerDir(root, id), to: part.tree })
    }
    await syncFileSystem(session, root.lib)
    const write = () => writeRecord(guest, { ...meta, layers: parts.map(({ id }) => id) })
    await publishParts(session, root, { parts, write, drops: true, patience })
    return parts.length
  }
  return await withLayerParts(session, root, { name, deed })
}

async function copyLayer(
  { executor, guest, signal, progress }: UndoRequest,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await withLongSession(executor, async (session) => {
    await writeTree(session, to, scanTree(from, session, isOverlayXattr), {
      deed: { verb: 'copy', thing: `guest:${guest.name}` },
      origin: { path: from, kind: 'directory', way: 'range' },
      signal,
      progress,
    })
  })
}
