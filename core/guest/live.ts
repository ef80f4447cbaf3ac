/**
 * Clones and snapshots of a guest that runs: what it has written is copied while it stands still. It goes on
 * in the directory that it has; the copy is what others get, so that nobody writes to what is shared.
 *
 * @module
 */
import { lstatSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { isOverlayXattr } from '../host/tree/kept-xattr.ts'
import { byteString } from '../host/tree/names.ts'
import { scanTree } from '../host/tree/scan.ts'
import { writeTree } from '../host/tree/writer.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import { type Executor, withLongSession } from '../host/executor.ts'
import { claimIds } from '../host/ids.ts'
import { guestDir } from '../host/root.ts'
import { syncFileSystem } from '../host/sync.ts'
import type { Session } from '../plan/session.ts'
import type { Progress } from '../plugin/types.ts'
import type { CloneRequest } from './clone.ts'
import { deepestStack } from './flatten/deepest.ts'
import { flattenInto } from './flatten/flatten.ts'
import { whileFrozen } from './freeze.ts'
import { followHostname, notedHostname } from './host_name.ts'
import { type LayerPart, publishParts, withLayerParts } from './layer_part.ts'
import type { Snapshot } from './meta.ts'
import { standingOn } from './seal.ts'
import { checkSnapshotFree, type SnapshotRequest, stateNow } from './snapshot.ts'
import {
  commitGuest,
  lowerDirs,
  type StagedGuest,
  stageGuest,
  writeRecord,
  writeStaged,
} from './store.ts'
import { sweep } from './sweep.ts'
import { resolveInTree } from './tree.ts'
import { isEmptyDirectory } from './upper.ts'

/** What copying takes beside a session. */
export interface LiveHost {
  readonly executor: Executor
  readonly signal: AbortSignal
  readonly progress: (event: Progress) => void
}

/** How long a guest stood still. */
export interface StoodStill {
  readonly freezeMs: number
}

/** Keeps the state of a running guest. */
export async function createLiveSnapshot(
  session: Session,
  request: SnapshotRequest & { host: LiveHost },
): Promise<StoodStill & { readonly snapshot: Snapshot }> {
  const { root, guest, name, patience, host } = request
  checkSnapshotFree(guest, name)
  const { below } = standingOn(root, guest.meta)
  const record = (layers: readonly string[]): Snapshot => {
    const snapshot = stateNow(guest, { name, layers })
    writeRecord(guest, { ...guest.meta, snapshots: [...guest.meta.snapshots, snapshot] })
    return snapshot
  }
  if (isEmptyDirectory(join(guest.dir, 'upper'))) {
    return { snapshot: record(below), freezeMs: 0 }
  }
  const deed = async (make: () => LayerPart) => {
    const copy = make()
    const parts = [copy]
    let under = below
    if (below.length + 1 > deepestStack) {
      // What runs keeps its layers; the snapshot need not stand on all of them.
      const flat = make()
      const { meta } = guest
      await flattenInto(session, flat, {
        root,
        meta: { ...meta, layers: below },
        signal: host.signal,
      })
      parts.push(flat)
      under = [flat.id]
    }
    mkdirSync(copy.tree)
    const freezeMs = await copyUpper(request, copy.tree)
    let snapshot = stateNow(guest, { name, layers: [copy.id, ...under] })
    const write = () => {
      snapshot = record([copy.id, ...under])
    }
    await publishParts(session, root, { parts, write, drops: false, patience })
    return { snapshot, freezeMs }
  }
  return await withLayerParts(session, root, { name: guest.name, deed })
}

/**
 * Makes a guest that reads as a running one did at one moment. It shares the layers below; what the other
 * has written is copied, or shared block by block where the file system can.
 */
export async function cloneLive(
  session: Session,
  request: CloneRequest & { host: LiveHost },
): Promise<StoodStill> {
  const { root, source, name, host } = request
  const { below: layers } = standingOn(root, source.meta)
  const staged = stageGuest(root, name, { yaml: request.yaml })
  try {
    const upper = join(staged.path, 'upper')
    rmdirSync(upper)
    mkdirSync(upper)
    const freezeMs = await copyUpper({ ...request, guest: source }, upper)
    const meta = { ...source.meta, layers }
    await stageHostname(session, { staged, lowers: lowerDirs(root, meta) })
    const { template } = meta
    await claimIds(
      session,
      { owner: guestDir(root, name), bounds: request.bounds, signal: host.signal },
      (ids) => commitGuest(session, staged, { root, template, ids, layers }),
    )
    return { freezeMs }
  } catch (error) {
    await sweep(session, staged.path)
    throw error
  }
}

/** Copies what a running guest has written into an empty directory, and to the disk. */
async function copyUpper(
  { root, guest, patience, host }: Omit<SnapshotRequest, 'name'> & { host: LiveHost },
  destination: string,
): Promise<number> {
  const { executor, signal, progress } = host
  const upper = join(guest.dir, 'upper')
  return await withLongSession(executor, async (session) => {
    // Started now: the guest shall not wait for it.
    await readXattrs(session, [byteString(upper)])
    const freeze = { root, name: guest.name, verb: patience.verb, signal }
    const { freezeMs } = await whileFrozen(executor, freeze, async () => {
      await writeTree(session, destination, scanTree(upper, session, isOverlayXattr), {
        deed: { verb: 'copy', thing: `guest:${guest.name}` },
        origin: { path: upper, kind: 'directory', way: 'range' },
        shares: true,
        signal,
        progress,
      })
    })
    await syncFileSystem(session, destination)
    return freezeMs
  })
}

/** Where the copy has a file with a host name, it gets its own. No link is followed. */
async function stageHostname(
  session: Session,
  { staged, lowers }: { staged: StagedGuest; lowers: readonly string[] },
): Promise<void> {
  const upper = join(staged.path, 'upper')
  const found = resolveInTree({ layers: [upper, ...lowers] }, '/etc/hostname')
  if (found?.path !== '/etc/hostname' || !found.stats.isFile()) return
  if (lstatSync(found.host).size > 4096) return
  writeStaged(staged, notedHostname(staged.path), readFileSync(found.host, 'utf8'))
  await followHostname(session, { dir: staged.path, lowers, hostname: staged.name })
}
