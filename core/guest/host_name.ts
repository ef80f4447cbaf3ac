/**
 * The guest's `/etc/hostname`. An init reads it and sets it, so it has to say what the configuration says;
 * but a name that somebody gave the guest from inside is theirs.
 *
 * `guests/NAME/hostname` holds the name that was written last by us: only a file in the guest that still
 * says exactly that is ours to change.
 *
 * @module
 */
import { chmodSync, chownSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '../plan/session.ts'
import { readText, writeSynced } from './files.ts'
import { resolveInTree } from './tree.ts'
import { makeDirectoryLike } from './upper.ts'

/** The file that holds the name that was written into a guest's tree. */
export function notedHostname(guestDir: string): string {
  return join(guestDir, 'hostname')
}

/**
 * Makes the guest's file say another name where it says the noted one, be it the guest's own or in a layer
 * below. The guest does not run, so that what was looked at stays; no link is followed. Killed in between,
 * the next call comes to the same.
 *
 * @param guest `lowers`: absolute directories that it is laid over, top first
 */
export async function followHostname(
  session: Session,
  guest: { readonly dir: string; readonly lowers: readonly string[]; readonly hostname: string },
): Promise<void> {
  const { dir, lowers, hostname } = guest
  const noted = readText(notedHostname(dir))?.trim()
  if (noted === undefined || noted === hostname) return
  const upper = join(dir, 'upper')
  const tree = { layers: [upper, ...lowers] }
  const etc = resolveInTree(tree, '/etc')
  const found = resolveInTree(tree, '/etc/hostname')
  const ours = etc?.path === '/etc' && found?.path === '/etc/hostname' && found.stats.isFile() &&
    readFileSync(found.host, 'utf8').trim() === noted
  if (ours) {
    const directory = join(upper, 'etc')
    if (etc.host !== directory) {
      await makeDirectoryLike(session, { path: directory, like: etc.host })
    }
    const staged = join(directory, '.hostname.vserver')
    rmSync(staged, { force: true })
    writeSynced(staged, `${hostname}\n`)
    chownSync(staged, found.stats.uid, found.stats.gid)
    chmodSync(staged, found.stats.mode & 0o7777)
    renameSync(staged, join(directory, 'hostname'))
  }
  writeSynced(notedHostname(dir), `${hostname}\n`)
}
