/**
 * The guest's `/etc/hostname`. An init reads it and sets it, so it has to say what the configuration says;
 * but a name that somebody gave the guest from inside is theirs.
 *
 * `guests/NAME/hostname` holds the name that was written last by us: only a file in the guest that still
 * says exactly that is ours to change.
 *
 * @module
 */
import { chmodSync, chownSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readText, writeSynced } from './files.ts'

/** Notes the name that was written into a guest's tree. */
export function noteHostname(guestDir: string, hostname: string): void {
  writeSynced(join(guestDir, 'hostname'), `${hostname}\n`)
}

/**
 * Makes the guest's file say another name where it says the noted one. The guest does not run, so that what
 * was looked at stays; no link is followed. Killed in between, the next call comes to the same.
 */
export function followHostname(guestDir: string, hostname: string): void {
  const noted = readText(join(guestDir, 'hostname'))?.trim()
  if (noted === undefined || noted === hostname) return
  const etc = join(guestDir, 'upper/etc')
  const file = join(etc, 'hostname')
  if (lstatSync(etc, { throwIfNoEntry: false })?.isDirectory() === true) {
    const found = lstatSync(file, { throwIfNoEntry: false })
    if (found?.isFile() === true && readFileSync(file, 'utf8').trim() === noted) {
      const staged = join(etc, '.hostname.vserver')
      rmSync(staged, { force: true })
      writeSynced(staged, `${hostname}\n`)
      chownSync(staged, found.uid, found.gid)
      chmodSync(staged, found.mode & 0o7777)
      renameSync(staged, file)
    }
  }
  noteHostname(guestDir, hostname)
}
