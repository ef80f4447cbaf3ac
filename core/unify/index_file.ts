/**
 * The index: what earlier runs found, so that later ones look only at trees that are new. It holds nothing
 * that cannot be found again; one that is lost or damaged is made anew.
 *
 * @module
 */
import { existsSync, renameSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { ByteString } from '../host/tree/names.ts'
import { explainFailure, isDamage } from './index_failure.ts'

/** A file of an immutable tree that is on record. */
export interface Row {
  readonly ino: number
  readonly size: number
  readonly blocks: number
  /** See `basicKey`. */
  readonly meta: string
  readonly mtimeSec: number
  readonly mtimeNsec: number
  /** SHA-256 of the content, where it was needed. */
  readonly digest: Uint8Array | null
  /** Name in the store; `null` for a file that has names in one tree only. */
  readonly object: string | null
}

/** Where a file that is not in the store has a name. */
export interface RowName {
  readonly tree: string
  readonly directory: ByteString
  readonly name: ByteString
}

export interface Index extends Disposable {
  /** Ids of the trees that were looked at completely, and on what terms. */
  trees(): ReadonlyMap<string, string>
  /** Forgets a tree and the files that only it had. */
  dropTree(id: string): void
  addTree(id: string, terms: string): void
  ofSize(size: number): readonly Row[]
  ofIno(ino: number): Row | undefined
  names(ino: number): readonly RowName[]
  /** Puts a file on record, in the place of what was known of its inode. */
  put(row: Row, names: readonly RowName[]): void
  drop(ino: number): void
  objects(): readonly { readonly ino: number; readonly object: string }[]
  /** A word that earlier runs left. */
  note(key: string): string | undefined
  setNote(key: string, value: string): void
  /** Runs a change as a whole: all of it is kept, or nothing. */
  change<T>(deed: () => T): T
}

const VERSION = 2

const schema = `
  CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tree (id TEXT PRIMARY KEY, terms TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS file (
    ino INTEGER PRIMARY KEY, size INTEGER NOT NULL, blocks INTEGER NOT NULL, meta TEXT NOT NULL,
    mtimeSec INTEGER NOT NULL, mtimeNsec INTEGER NOT NULL, digest BLOB, object TEXT);
  CREATE INDEX IF NOT EXISTS file_size ON file (size);
  CREATE TABLE IF NOT EXISTS name (
    ino INTEGER NOT NULL, tree TEXT NOT NULL, directory BLOB NOT NULL, name BLOB NOT NULL,
    PRIMARY KEY (ino, tree, directory, name)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS name_tree ON name (tree);
`

/** What an older version left is found again. */
const clear = ['note', 'tree', 'file', 'name'].map((table) => `DROP TABLE IF EXISTS ${table};`)
  .join(' ')

const probes = [
  'SELECT key, value FROM note',
  'SELECT id, terms FROM tree',
  'SELECT ino, size, blocks, meta, mtimeSec, mtimeNsec, digest, object FROM file',
  'SELECT ino, tree, directory, name FROM name',
]

/**
 * Does something with the index, making a new one where there is none. Damage may show at any statement: then
 * all of it is done once more, with a new index.
 *
 * @param onDamage told when the one that was there could not be used; it is put aside
 * @throws {VServerError} E_DISK_FULL when there is no room for it
 */
export async function withIndex<T>(
  { path, onDamage }: { readonly path: string; readonly onDamage: (aside: string) => void },
  deed: (index: Index) => Promise<T>,
): Promise<T> {
  try {
    using index = open(path)
    return await deed(index)
  } catch (error) {
    if (!isDamage(error)) throw explainFailure(path, error)
  }
  const aside = `${path}.damaged`
  for (const tail of ['', '-wal', '-shm']) putAside(`${path}${tail}`, `${aside}${tail}`)
  onDamage(aside)
  try {
    using index = open(path)
    return await deed(index)
  } catch (error) {
    throw explainFailure(path, error)
  }
}

/**
 * Reads the index for who changes nothing, the disk least of all: what is put into it is forgotten. One that
 * cannot be read so, for it is damaged or was left by a run that died, counts as absent.
 */
export async function withIndexUntouched<T>(
  path: string,
  deed: (index: Index) => Promise<T>,
): Promise<T> {
  // What is in the log beside it could only be read by writing.
  if (existsSync(path) && !existsSync(`${path}-wal`)) {
    try {
      using index = openUntouched(path)
      return await deed(index)
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  using index = open(':memory:')
  return await deed(index)
}

function putAside(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

function open(path: string): Index {
  const db = new DatabaseSync(path)
  try {
    // What is in it can be found again, and all that it says is looked at before it is used: it waits for no disk.
    db.exec('PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY')
    // Who has the lock of unification is alone. Shared, a map of a file would be written to, which kills with
    // SIGBUS where the disk is full and has blocks smaller than a page, or is one that copies what it writes.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
    const found = db.prepare('PRAGMA user_version').get()?.['user_version']
    if (found !== VERSION) {
      db.exec(`BEGIN; ${clear} ${schema} PRAGMA user_version = ${VERSION}; COMMIT`)
    }
    // Fails where the tables are others.
    for (const columns of probes) db.prepare(columns)
    return attach(db)
  } catch (error) {
    db.close()
    throw error
  }
}

function openUntouched(path: string): Index {
  const url = pathToFileURL(path)
  // No locks and no files beside it: for these it would be made writable, by root at least.
  url.searchParams.set('immutable', '1')
  const db = new DatabaseSync(url, { readOnly: true })
  try {
    for (const columns of probes) db.prepare(columns)
    const nothing = () => undefined
    return {
      ...attach(db),
      ...{ dropTree: nothing, addTree: nothing, put: nothing, drop: nothing, setNote: nothing },
      change: (deed) => deed(),
    }
  } catch (error) {
    db.close()
    throw error
  }
}

function attach(db: DatabaseSync): Index {
  const made = new Map<string, StatementSync>()
  const sql = (text: string): StatementSync => {
    let statement = made.get(text)
    if (statement === undefined) made.set(text, statement = db.prepare(text))
    return statement
  }
  const bytes = (text: ByteString) => Buffer.from(text, 'latin1')
  const text = (value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : ''
  return {
    trees: () =>
      new Map(
        sql('SELECT id, terms FROM tree').all().map((
          row,
        ) => [String(row['id']), String(row['terms'])]),
      ),
    dropTree(id) {
      const only = sql('SELECT DISTINCT ino FROM name WHERE tree = ?').all(id)
      sql('DELETE FROM name WHERE tree = ?').run(id)
      for (const { ino } of only) {
        if (sql('SELECT 1 FROM name WHERE ino = ?').get(ino ?? 0) === undefined) {
          sql('DELETE FROM file WHERE ino = ? AND object IS NULL').run(ino ?? 0)
        }
      }
      sql('DELETE FROM tree WHERE id = ?').run(id)
    },
    addTree: (id, terms) => void sql('INSERT OR REPLACE INTO tree VALUES (?, ?)').run(id, terms),
    ofSize: (size) => sql('SELECT * FROM file WHERE size = ?').all(size) as unknown as Row[],
    ofIno: (ino) => sql('SELECT * FROM file WHERE ino = ?').get(ino) as unknown as Row | undefined,
    names: (ino) =>
      sql('SELECT tree, directory, name FROM name WHERE ino = ?').all(ino).map((row) => ({
        tree: String(row['tree']),
        directory: text(row['directory']),
        name: text(row['name']),
      })),
    put({ ino, size, blocks, meta, mtimeSec, mtimeNsec, digest, object }, names) {
      sql('INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
        .run(ino, size, blocks, meta, mtimeSec, mtimeNsec, digest, object)
      sql('DELETE FROM name WHERE ino = ?').run(ino)
      for (const { tree, directory, name } of names) {
        sql('INSERT OR IGNORE INTO name VALUES (?, ?, ?, ?)').run(
          ino,
          tree,
          bytes(directory),
          bytes(name),
        )
      }
    },
    drop(ino) {
      sql('DELETE FROM file WHERE ino = ?').run(ino)
      sql('DELETE FROM name WHERE ino = ?').run(ino)
    },
    objects: () =>
      sql('SELECT ino, object FROM file WHERE object IS NOT NULL').all() as unknown as {
        ino: number
        object: string
      }[],
    note: (key) => {
      const row = sql('SELECT value FROM note WHERE key = ?').get(key)
      return row === undefined ? undefined : String(row['value'])
    },
    setNote: (key, value) => void sql('INSERT OR REPLACE INTO note VALUES (?, ?)').run(key, value),
    change(deed) {
      db.exec('BEGIN IMMEDIATE')
      try {
        const result = deed()
        db.exec('COMMIT')
        return result
      } catch (error) {
        // A full disk has ended it by itself.
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    [Symbol.dispose]: () => db.close(),
  }
}
