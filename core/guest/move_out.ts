/**
 * Takes files out of the writable layer of a stopped guest, into a new sealed layer right below it, so that
 * they can be shared. Each is renamed: it never has a name in both, through which a guest could write to
 * what others share. The guest reads the same before, after, and whenever it is interrupted.
 *
 * @module
 */
import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { takesDetachedLayers } from '../host/kernel.ts'
import { overlayInUse } from '../host/overlay_use.ts'
import { layerDir, type Root } from '../host/root.ts'
import { toBytes } from '../host/tree/names.ts'
import { opStream } from '../host/tree/ops.ts'
import { uniqueSuffix } from '../host/unique.ts'
import * as k from '../linux/constants.ts'
import { slot } from '../plan/abi.ts'
import { bytes, text } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import type { FileNode, Name, Tree } from '../unify/tree.ts'
import { syncParent, writeWhole } from './files.ts'
import { type Patience, withLayersLock } from './layers.ts'
import { deepestStack } from './flatten/deepest.ts'
import { type Movable, readMovable } from './movable.ts'
import { BATCH, finishMove, moveAll, OPAQUE, type Pending, textAt } from './pending_move.ts'
import { pendingMove, type StoredGuest, writeRecord } from './store.ts'
import { makeDirectoryLike } from './upper.ts'

export interface MoveOutRequest {
  readonly root: Root
  /** Stopped; the caller holds its lock, and no move of an earlier command is unfinished. */
  readonly guest: StoredGuest
  /** All their names are in the guest's writable layer. */
  readonly files: readonly FileNode[]
  readonly excludes: readonly string[]
  readonly patience: Patience
}

/**
 * Moves files that did not change since they were looked at, with all their names.
 *
 * @returns for each name the one that it has now; none when an overlay of the guest is still in use
 */
export async function moveOut(
  session: Session,
  request: MoveOutRequest,
): Promise<ReadonlyMap<Name, Name>> {
  const { root, guest, files } = request
  const upper = join(guest.dir, 'upper')
  const detachedLayers = takesDetachedLayers(release())
  if (await overlayInUse(session, { path: upper, detachedLayers })) return new Map()
  const movable = await readMovable(session, { upper, files })
  if (movable.names.length === 0) return new Map()
  const stack = await shallowStack(session, request)
  if (stack === undefined) return new Map()
  const id = uniqueSuffix()
  const layer = layerDir(root, id)
  const pending = pendingOf(id, movable)
  await addLayer(session, { ...request, guest: stack, id, layer, upper, movable, pending })
  try {
    await moveAll(session, { upper, layer, pending })
  } finally {
    await finishMove(session, { root, dir: guest.dir })
  }
  const tree: Tree = {
    id: `layers/${id}`,
    path: layer,
    writable: false,
    excludes: request.excludes,
  }
  return new Map(movable.names.map((name) => [name, { ...name, tree }]))
}

function pendingOf(layer: string, { directories, names }: Movable): Pending {
  return {
    layer,
    directories: directories.map(({ path, mtimeSec, mtimeNsec, opaque }) => ({
      ...{ path, mtimeSec, mtimeNsec, opaque },
    })),
    paths: names.map(({ directory, name }) => (directory === '' ? name : `${directory}/${name}`)),
  }
}

/** The guest, with room for one layer more; `undefined` where that cannot be had. */
async function shallowStack(
  session: Session,
  { root, guest, patience }: MoveOutRequest,
): Promise<StoredGuest | undefined> {
  const { layers: below } = guest.meta
  if (below.length + 1 <= deepestStack) return guest
  const { flatten } = await import('./seal.ts')
  const flat = await flatten(session, { root, guest, patience, below })
  return flat === undefined ? undefined : { ...guest, meta: { ...guest.meta, layers: [flat] } }
}

/** Makes the layer with its empty directories, and then has the guest's record name it. */
async function addLayer(
  session: Session,
  { root, guest, id, layer, upper, movable, pending, patience }: MoveOutRequest & {
    readonly id: string
    readonly layer: string
    readonly upper: string
    readonly movable: Movable
    readonly pending: Pending
  },
): Promise<void> {
  const marker = layerDir(root, `.new-${id}`)
  const deed = async () => {
    mkdirSync(marker, { mode: 0o700 })
    try {
      await makeDirectoryLike(session, { path: layer, like: upper })
      await makeDirectories(session, { layer, movable })
      syncParent(layer)
      writeWhole(pendingMove(guest.dir), JSON.stringify(pending), { sync: true })
      writeRecord(guest, { ...guest.meta, layers: [id, ...guest.meta.layers] })
    } catch (error) {
      rmSync(pendingMove(guest.dir), { force: true })
      rmSync(layer, { recursive: true, force: true })
      rmdirSync(marker)
      throw error
    }
    rmdirSync(marker)
  }
  await withLayersLock(session, root, { patience, deed })
}

/**
 * Makes directories like those of the writable layer. One that hides the layers below it does so from the new
 * layer on; in the writable layer it still does, too.
 */
async function makeDirectories(
  session: Session,
  { layer, movable }: { layer: string; movable: Movable },
): Promise<void> {
  const program = opStream(slot.FREE)
  for (const [step, { path, uid, gid, mode, xattrs, opaque }] of movable.directories.entries()) {
    if (path === '') continue
    const place = textAt(layer, path)
    program.step(step, 'make a directory of a layer')
    program.call('mkdirat', [k.AT_FDCWD, place, 0o700])
    program.call('fchownat', [k.AT_FDCWD, place, uid, gid, k.AT_SYMLINK_NOFOLLOW])
    const own = opaque ? [{ name: OPAQUE, value: Buffer.from('y') }] : []
    for (const { name, value } of [...xattrs, ...own]) {
      const cell = bytes(value.length === 0 ? 1 : value, 1)
      program.call('lsetxattr', [place, text(toBytes(name)), cell, value.length, 0])
    }
    program.call('fchmodat', [k.AT_FDCWD, place, mode & 0o7777])
    if (program.count >= BATCH) await session.run(program.finish())
  }
  if (program.count > 0) await session.run(program.finish())
}
