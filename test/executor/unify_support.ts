/**
 * For tests of LIST, COMPARE and RELINK: what they take and give, as objects.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { MS_PRIVATE, MS_REC } from '../../core/linux/constants/mount.ts'
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../core/linux/constants/open.ts'
import { CLONE_NEWNS } from '../../core/linux/constants/process.ts'
import { type Layout, layout, relink } from '../../core/plan/abi.ts'
import type { ProgramBuilder } from '../../core/plan/builder.ts'
import { fields, sizeOf } from '../../core/plan/layout.ts'
import { bytes as cellOf, type Cell } from '../../core/plan/program.ts'
import type { Session } from '../../core/plan/session.ts'
import { plan } from './support.ts'

export type Fields<L extends Layout> = Record<L[number][0], bigint>

function read<L extends Layout>(of: L, from: Buffer): Fields<L> {
  const entries = fields(of).map(({ name, offset, width, type }) => [
    name,
    width === 8
      ? type === 'i64' ? from.readBigInt64LE(offset) : from.readBigUInt64LE(offset)
      : BigInt(from.readUIntLE(offset, width)),
  ])
  return Object.fromEntries(entries) as Fields<L>
}

export function write<L extends Layout>(of: L, values: Fields<L>): Buffer {
  const to = Buffer.alloc(sizeOf(of))
  for (const { name, offset, width } of fields(of)) {
    const value = BigInt.asUintN(8 * width, values[name as L[number][0]])
    if (width === 8) to.writeBigUInt64LE(value, offset)
    else to.writeUIntLE(Number(value), offset, width)
  }
  return to
}

/** A name that LIST gave, its bytes as latin1, and what it said of it. */
export interface Listed extends Fields<typeof layout.list_entry> {
  readonly name: string
}

export interface Listing {
  readonly error: number
  readonly entries: readonly Listed[]
}

/** Takes apart what LIST ops appended to the reply, and checks that it is made up as it must be. */
export function listings(reply: Uint8Array): readonly Listing[] {
  const all: Listing[] = []
  let rest = Buffer.from(reply)
  while (rest.length > 0) {
    const head = read(layout.list_head, rest)
    const body = rest.subarray(sizeOf(layout.list_head)).subarray(0, Number(head.bytes))
    rest = rest.subarray(sizeOf(layout.list_head) + body.length)
    const entries: Listed[] = []
    for (let at = 0; at < body.length;) {
      const entry = read(layout.list_entry, body.subarray(at))
      const end = at + Number(entry.record_bytes)
      const name = body.subarray(at + sizeOf(layout.list_entry), end)
      const padding = name.subarray(Number(entry.name_bytes))
      if (end % 8 !== 0 || padding.length === 0 || padding.length > 8 || padding.some(Boolean)) {
        throw new Error(`a record ends at ${end}, after ${padding.length} bytes of padding`)
      }
      entries.push({ ...entry, name: name.toString('latin1', 0, Number(entry.name_bytes)) })
      at = end
    }
    if (BigInt(entries.length) !== head.count || head.reserved !== 0n) {
      throw new Error(`${entries.length} records, and the head says ${head.count}`)
    }
    all.push({ error: Number(head.error), entries })
  }
  return all
}

/** Emits what keeps a directory open while `use` emits the rest. */
export function within(
  main: ProgramBuilder,
  path: string,
  use: (dir: ReturnType<ProgramBuilder['keep']>) => void,
): void {
  const dir = main.keep('openat', [AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0])
  use(dir)
  main.call('close', [dir])
}

/** Puts a session into a mount namespace of its own, where `change` mounts what it likes. */
export async function ownMounts(
  opened: Session,
  change: (main: ProgramBuilder) => void,
): Promise<void> {
  await opened.run(plan((main) => {
    main.call('unshare', [CLONE_NEWNS])
    main.call('mount', [0, '/', 0, MS_REC | MS_PRIVATE, 0])
    change(main)
  }))
}

/** Makes a session an unprivileged one. */
export const becomeNobody = plan((main) => {
  main.call('setgroups', [0, 0])
  main.call('setresgid', [65534, 65534, 65534])
  main.call('setresuid', [65534, 65534, 65534])
})

/** Lists a directory. */
export async function listDirectory(
  opened: Session,
  { root, path = '.' }: { root: string; path?: string },
): Promise<Listing> {
  const { bytes } = await opened.run(plan((main) => {
    within(main, root, (dir) => main.emit('LIST', [dir, path]))
  }))
  const [only] = listings(bytes)
  if (!only) throw new Error('no listing')
  return only
}

/** A tree with an empty directory `usr/bin`, and a store beside it. */
export function treeAndStore(top: string) {
  const tree = join(top, 'tree')
  const store = join(top, 'store')
  const dir = join(tree, 'usr/bin')
  mkdirSync(dir, { recursive: true })
  mkdirSync(join(store, 'ab'), { recursive: true })
  return { tree, store, dir }
}

export const ino = (path: string | Buffer) => lstatSync(path, { bigint: true }).ino

/** In nanoseconds. */
export function times(path: string | Buffer) {
  const { atimeNs, mtimeNs } = lstatSync(path, { bigint: true })
  return { atime: atimeNs, mtime: mtimeNs }
}

export interface RelinkEntry {
  readonly name: string
  readonly object: string
  readonly action: keyof typeof relink
  readonly ino: bigint
  readonly size: bigint
  /** In nanoseconds. */
  readonly mtime: bigint
  readonly objectIno?: bigint
}

/** What must still be true of a file, from the file. */
export function expected(path: string | Buffer): Pick<RelinkEntry, 'ino' | 'size' | 'mtime'> {
  const { ino, size, mtimeNs } = lstatSync(path, { bigint: true })
  return { ino, size, mtime: mtimeNs }
}

const NS = 1_000_000_000n
const floor = (ns: bigint) => (ns - (((ns % NS) + NS) % NS)) / NS

/** A table for RELINK. */
export function relinkTable(mtime: bigint, entries: readonly RelinkEntry[]): Cell {
  const parts = entries.map(({ name, object, action, objectIno = 0n, ...file }) => {
    const texts = Buffer.concat([Buffer.from(`${name}\0`, 'latin1'), Buffer.from(`${object}\0`)])
    const length = Math.ceil((sizeOf(layout.relink_entry) + texts.length) / 8) * 8
    const head = write(layout.relink_entry, {
      ino: file.ino,
      size: file.size,
      mtime_sec: floor(file.mtime),
      mtime_nsec: file.mtime - floor(file.mtime) * NS,
      object_ino: objectIno,
      action: BigInt(relink[action]),
      entry_bytes: BigInt(length),
      name_bytes: BigInt(Buffer.from(name, 'latin1').length),
      object_bytes: BigInt(Buffer.from(object).length),
      reserved: 0n,
    })
    return Buffer.concat([head, texts], length)
  })
  const head = write(layout.relink_head, {
    mtime_sec: floor(mtime),
    mtime_nsec: mtime - floor(mtime) * NS,
    count: BigInt(entries.length),
  })
  // not a Buffer: its slice() is no copy
  return cellOf(Uint8Array.from(Buffer.concat([head, ...parts])))
}

export interface Relinking {
  readonly root: string
  readonly path?: string
  readonly store: string
  readonly staging?: string
  readonly table: Cell
}

/** A plan of one RELINK. */
export function relinking({ root, path = '.', store, staging = 'staging', table }: Relinking) {
  return plan((main) => {
    within(main, root, (dir) => {
      within(main, store, (objects) => {
        main.emit('RELINK', [dir, path, table, objects, staging])
      })
    })
  })
}

/** Runs it: an errno for each entry. */
export async function runRelink(opened: Session, of: Relinking): Promise<readonly number[]> {
  const { bytes } = await opened.run(relinking(of))
  return Array.from({ length: bytes.length / 4 }, (_, i) => Buffer.from(bytes).readInt32LE(4 * i))
}
