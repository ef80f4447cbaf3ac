/**
 * Small helpers around files whose absence is normal, and writing that is seen whole or not at all.
 *
 * @module
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { errors } from '../errors.ts'
import { namingFullDisk } from '../host/full_disk.ts'
import { type Read, readRegular } from '../host/regular.ts'

/** Whether this is an error of the system with one of these codes (`ENOENT`). Pure. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code)
}

/**
 * The text of a file, `undefined` when there is none.
 *
 * @throws {VServerError} E_STATE_DIR when there is something else, or too much
 */
export function readText(path: string): string | undefined {
  return readBytes(path)?.toString('utf8')
}

/**
 * The bytes of a file, `undefined` when there is none. Links are followed.
 *
 * @throws {VServerError} E_STATE_DIR when there is something else, or too much
 */
export function readBytes(path: string): Buffer | undefined {
  const read = readRegular(path)
  if (read.kind === 'read') return read.bytes
  if (read.kind === 'absent') return undefined
  throw errors.E_STATE_DIR(`Cannot read "${path}": ${read.problem}`, {
    hint: 'put the file back, or remove what is in its place',
    details: { path },
  })
}

/**
 * Reads a file that vserver itself keeps: links are not followed. What is no file, or is too large, is read
 * no further, and opening it does not wait.
 */
export function readOwn(path: string): Read {
  return readRegular(path, { follow: false })
}

/** The bytes of a kept plan. What is no file counts as absent: the next plan takes its place. */
export function readKept(path: string): Buffer | undefined {
  const read = readOwn(path)
  return read.kind === 'read' ? read.bytes : undefined
}

/** Names in a directory, sorted bytewise; none when it is not there. */
export function readNames(path: string): readonly string[] {
  try {
    // Names of guests and ids are ASCII, where code units sort as bytes do.
    return readdirSync(path).toSorted()
  } catch (error) {
    if (isCode(error, 'ENOENT')) return []
    throw error
  }
}

/**
 * Writes a file whole: temporary sibling, rename. A crash leaves a `.PID.tmp` sibling, which the next
 * writer of the same file removes.
 *
 * @param options `sync`: whether it must outlive a power failure; what lies below /run need not
 * @throws {VServerError} E_DISK_FULL
 */
export function writeWhole(
  path: string,
  data: string | Uint8Array,
  options: { readonly sync: boolean },
): void {
  const staged = `${path}.${process.pid}.tmp`
  removeLeftOver(path)
  try {
    namingFullDisk(path, () => {
      if (options.sync) writeToDisk(staged, data)
      else writeFileSync(staged, data, { mode: 0o600 })
      renameSync(staged, path)
    })
  } finally {
    rmSync(staged, { force: true })
  }
}

/** Removes temporary siblings of a file whose writers have died. Others may be writing it right now. */
function removeLeftOver(path: string): void {
  const prefix = `${basename(path)}.`
  for (const name of readNames(dirname(path))) {
    const pid = name.startsWith(prefix)
      ? /^(\d+)\.tmp$/.exec(name.slice(prefix.length))?.[1]
      : undefined
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    rmSync(join(dirname(path), name), { force: true })
  }
}

/**
 * Writes a new file, mode 0600. It is on the disk when `syncAll` has been told of it.
 *
 * @throws {VServerError} E_DISK_FULL
 */
export function writeNew(path: string, data: string): void {
  namingFullDisk(path, () => writeFileSync(path, data, { mode: 0o600 }))
}

/**
 * Writes a new file, mode 0600, that is on the disk when this returns.
 *
 * @throws {VServerError} E_DISK_FULL
 */
export function writeSynced(path: string, data: string | Uint8Array): void {
  namingFullDisk(path, () => writeToDisk(path, data))
}

function writeToDisk(path: string, data: string | Uint8Array): void {
  const fd = openSync(path, 'w', 0o600)
  try {
    let rest: Uint8Array = typeof data === 'string' ? Buffer.from(data) : data
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes a rename into or out of a directory last through a power failure. */
export function syncParent(path: string): void {
  syncDirectory(dirname(path))
}

/** Makes the names in a directory last through a power failure; what is in those is not looked at. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
