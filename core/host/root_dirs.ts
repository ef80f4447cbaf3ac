/**
 * The state directories: made when they are missing, and safe before anything relies on them.
 *
 * @module
 */
import {
  chmodSync,
  lstatSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { errors, type VServerError } from '../errors.ts'
import { fullDiskHint, namingFullDisk, noRoomCode } from './full_disk.ts'
import { makeDirectories } from './make_directory.ts'
import { mountOf } from './mounts.ts'
import { readRegular } from './regular.ts'
import type { Root } from './root.ts'

/** Version of the layout below `lib`. */
export const FORMAT = 1

/**
 * Makes and checks the state directories. All of them are root's and closed to everybody else: a setuid
 * file of a guest must be out of reach of the host's users.
 *
 * @throws {VServerError} E_STATE_DIR naming the directory and the remedy, E_FORMAT
 */
export function prepareRoot(root: Root): void {
  checkAllAbove(root)
  for (const directory of closedDirectories(root)) ensureDirectory(directory)
  checkExecutable(root.lib)
  checkFormat(root)
}

/**
 * Checks those state directories that are there, and makes nothing.
 *
 * @throws {VServerError} E_STATE_DIR, E_FORMAT
 */
export function inspectRoot(root: Root): void {
  checkAllAbove(root)
  const there = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined
  for (const directory of closedDirectories(root)) if (there(directory)) ensureDirectory(directory)
  if (there(join(root.lib, 'format'))) checkFormat(root)
}

function closedDirectories(root: Root): readonly string[] {
  return [
    root.lib,
    join(root.lib, 'guests'),
    join(root.lib, 'templates'),
    join(root.lib, 'layers'),
    root.run,
    join(root.run, 'guests'),
  ]
}

function checkAllAbove({ dir }: Root): void {
  for (const path of [dir, join(dir, 'var'), join(dir, 'run')]) checkAbove(path)
}

/** Who can rename what is above a state directory can put another one in its place. */
function checkAbove(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || !found.isDirectory()) return
  if (found.uid !== 0) {
    throw unusable(path, `it belongs to user ${found.uid}, not to root`, `chown root: ${path}`)
  }
  const sticky = (found.mode & 0o1000) !== 0
  if ((found.mode & 0o022) !== 0 && !sticky) {
    throw unusable(path, 'others can rename what is in it', `chmod go-w ${path}`)
  }
}

/** Makes a directory with mode 0700, or checks the one that is there. */
export function ensureDirectory(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return makeDirectory(path)
  if (found.isSymbolicLink()) {
    throw unusable(path, 'it is a symbolic link', `replace the link by a directory, or use --root`)
  }
  if (!found.isDirectory()) throw unusable(path, 'it is not a directory', `move it away`)
  if (found.uid !== 0) {
    throw unusable(path, `it belongs to user ${found.uid}, not to root`, `chown root: ${path}`)
  }
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0')
    throw unusable(path, `others can get in (mode ${mode}, not 0700)`, `chmod 0700 ${path}`)
  }
}

function makeDirectory(path: string): void {
  try {
    makeDirectories(path, 0o700)
    // The umask of the caller may have taken bits away, never added any.
    chmodSync(path, 0o700)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    switch (code) {
      case 'EROFS':
        throw unusable(path, 'its file system is mounted read-only', 'mount it read-write', cause)
      case 'EACCES':
      case 'EPERM':
        throw unusable(path, 'it may not be made', 'run it with sudo', cause)
      case 'ENOTDIR':
      case 'EEXIST':
        throw unusable(path, 'something on the way to it is not a directory', 'move it away', cause)
      default:
        if (noRoomCode(cause) === undefined) throw cause
        throw errors.E_DISK_FULL(`Cannot make "${path}": no space is left`, {
          hint: fullDiskHint,
          cause,
        })
    }
  }
}

/** Supervisors run from a file below `lib`. */
function checkExecutable(path: string): void {
  const mount = mountOf(readFileSync('/proc/self/mountinfo', 'utf8'), realpathSync(path))
  if (mount?.options.includes('noexec') === true) {
    throw unusable(
      path,
      `its file system (${mount.point}) is mounted noexec, and the supervisors run from there`,
      `mount -o remount,exec ${mount.point}, or use --root`,
    )
  }
  if (mount?.options.includes('ro') === true) {
    throw unusable(
      path,
      `its file system (${mount.point}) is mounted read-only`,
      `mount -o remount,rw ${mount.point}, or use --root`,
    )
  }
}

/** `format` holds the version of the layout. There is no older one to migrate from yet. */
function checkFormat(root: Root): void {
  const path = join(root.lib, 'format')
  const read = readRegular(path)
  if (read.kind === 'other') throw unusable(path, read.problem, 'put the file back, with a 1 in it')
  if (read.kind === 'absent') {
    const staged = `${path}.${process.pid}.tmp`
    namingFullDisk(path, () => {
      writeFileSync(staged, `${FORMAT}\n`, { mode: 0o600 })
      renameSync(staged, path)
    })
    return
  }
  const found = read.bytes.toString('utf8')
  const version = Number(found.trim())
  if (version === FORMAT) return
  throw errors.E_FORMAT(
    `Cannot use "${root.lib}": this vserver knows format ${FORMAT}, and it has ${found.trim()}`,
    { hint: 'use the newer vserver that wrote it, or another --root' },
  )
}

function unusable(path: string, detail: string, remedy: string, cause?: unknown): VServerError {
  return errors.E_STATE_DIR(`Cannot use "${path}": ${detail}`, {
    hint: remedy,
    details: { path },
    cause,
  })
}
