/**
 * Another name for a guest. One rename of its directory is the change; what follows it can be done again,
 * or is done by the next command.
 *
 * @module
 */
import { renameSync } from 'node:fs'
import { moveClaim } from '../host/ids.ts'
import { guestDir, type Root } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import { syncParent } from './files.ts'
import { followHostname } from './host_name.ts'
import { type Patience, withLayersLock } from './layers.ts'
import { lowerDirs, type StoredGuest } from './store.ts'

export interface RenameRequest {
  readonly root: Root
  /** Stopped; the caller holds its lock. */
  readonly guest: StoredGuest
  /** A name that no guest has; the caller holds its lock, too. */
  readonly name: string
  /** Whether the guest has its name for a host name. */
  readonly namesHost: boolean
  readonly patience: Patience
}

/** Gives a stopped guest another name. */
export async function renameGuest(session: Session, request: RenameRequest): Promise<void> {
  const { root, guest, name, patience } = request
  const from = guest.dir
  const to = guestDir(root, name)
  // Interrupted here, the guest has its old name and a new host name: the next try comes to the same.
  if (request.namesHost) {
    const lowers = lowerDirs(root, guest.meta)
    await followHostname(session, { dir: from, lowers, hostname: name })
  }
  const deed = () => {
    renameSync(from, to)
    syncParent(to)
  }
  // Who collects layers must not miss the guest between two names.
  await withLayersLock(session, root, { patience, deed })
  await moveClaim(session, { first: guest.meta.ids.first, from, to })
}
