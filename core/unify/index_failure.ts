/**
 * What failures of the index mean. SQLite has numbers of its own, and does not tell what the system said.
 *
 * @module
 */
import { rmSync, writeFileSync } from 'node:fs'
import { VServerError } from '../errors.ts'
import { namingFullDisk } from '../host/full_disk.ts'

/** SQLITE_ERROR (a schema that is not ours), SQLITE_CORRUPT, SQLITE_NOTADB. */
const damage = [1, 11, 26]

const SQLITE_FULL = 13

/** SQLITE_IOERR, SQLITE_CANTOPEN: all that is said of a quota, and where no file can be made or mapped. */
const unclear = [10, 14]

/** More than SQLite asks for at once; its map of the log is 32 KiB. */
const PROBE_BYTES = 1 << 16

/** Whether the index must be made anew; Deno gives some errors without number. */
export function isDamage(error: unknown): boolean {
  const code = primaryCode(error)
  if (code !== undefined) return damage.includes(code)
  return error instanceof Error &&
    /^(?:file is not a database|database disk image is malformed)$/.test(error.message)
}

/**
 * What to tell: where the index has no room that it has none, else the error itself.
 *
 * @param path of the index
 */
export function explainFailure(path: string, error: unknown): unknown {
  const code = primaryCode(error)
  try {
    namingFullDisk(path, () => {
      if (code === SQLITE_FULL) {
        throw Object.assign(new Error('no room'), { code: 'ENOSPC', cause: error })
      }
      if (code !== undefined && unclear.includes(code)) probe(`${path}.probe`)
    })
    return error
  } catch (found) {
    return found instanceof VServerError ? found : error
  }
}

/** Puts the question to the file system: by a file beside the index, which goes again. */
function probe(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(PROBE_BYTES), { mode: 0o600 })
  } finally {
    rmSync(path, { force: true })
  }
}

/** SQLite's number for the kind of failure, without the details that it puts above. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error && 'errcode' in error)) return undefined
  return Number(error.errcode) & 0xff
}
