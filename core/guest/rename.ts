/**
 * Another name for a guest. One rename of its directory is the change; what follows it can be done again,
 * or is done by the next command.
 *
 * @module
 */
import { chmodSync, chownSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { moveClaim } from '../host/ids.ts'
import { guestDir, type Root } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import { syncParent, writeSynced } from './files.ts'
import { type Patience, withLayersLock } from './layers.ts'
import type { StoredGuest } from './store.ts'

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
  if (request.namesHost) renameHost(join(from, 'upper'), { from: guest.name, to: name })
  const deed = () => {
    renameSync(from, to)
    syncParent(to)
  }
  // Who collects layers must not miss the guest between two names.
  await withLayersLock(session, root, { patience, deed })
  await moveClaim(session, { first: guest.meta.ids.first, from, to })
}

/**
 * Changes `/etc/hostname` where the guest has a file of its own there with exactly the old name. Nothing
 * inside runs, so that what was looked at stays; no link is followed.
 */
function renameHost(upper: string, { from, to }: { from: string; to: string }): void {
  const etc = join(upper, 'etc')
  const file = join(etc, 'hostname')
  if (lstatSync(etc, { throwIfNoEntry: false })?.isDirectory() !== true) return
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (found?.isFile() !== true || readFileSync(file, 'utf8').trim() !== from) return
  const staged = join(etc, '.hostname.vserver')
  rmSync(staged, { force: true })
  writeSynced(staged, `${to}\n`)
  chownSync(staged, found.uid, found.gid)
  chmodSync(staged, found.mode & 0o7777)
  renameSync(staged, file)
}
