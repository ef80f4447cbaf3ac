/**
 * Makes names of trees links to objects of the store, through the executor: in each directory the object is
 * linked to a staging name, which is then renamed over the file; and the directory gets back the time at
 * which it was modified. Nobody ever sees a name missing.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type ByteString, toBytes } from '../host/tree/names.ts'
import { errno } from '../linux/errno.ts'
import { layout, relink as action } from '../plan/abi.ts'
import { offsetOf, sizeOf } from '../plan/layout.ts'
import { bytes, text } from '../plan/program.ts'
import { type Lane, twice, workThrough } from './lanes.ts'
import { cut } from './pieces.ts'
import { stagingName } from './store.ts'
import type { Name, Tree } from './tree.ts'

/** What is to become of one name. */
export interface Relink {
  readonly name: Name
  /** The file that it must still be. */
  readonly file: FileStamp
  readonly action: keyof typeof action
  /** Name in the store. */
  readonly object: string
  /** 0 for ADOPT. */
  readonly objectIno: number
}

export interface FileStamp {
  readonly ino: number
  readonly size: number
  readonly mtimeSec: number
  readonly mtimeNsec: number
}

export interface Relinker {
  /**
   * Does all of it, in no particular order. The caller has written down when the directories were modified: what
   * dies in between leaves them with another time.
   *
   * @returns an errno for each, 0 where it is done */
  run(items: readonly Relink[]): Promise<readonly number[]>
  close(): void
}

export interface RelinkerOptions {
  /** Absolute path of the store. */
  readonly store: string
  readonly signal?: AbortSignal
  readonly progress?: (done: number) => void
}

/** Names in one plan: what is interrupted finishes them. */
const BATCH = 1024

interface Group {
  readonly tree: Tree
  readonly directory: ByteString
  readonly items: { readonly item: Relink; readonly index: number }[]
}

/** Relinks in all lanes. One runs at a time: the caller holds the lock of unification. */
export function makeRelinker(lanes: readonly Lane[], options: RelinkerOptions): Relinker {
  const directories = lanes.map((_, i) => join(options.store, stagingName(i)))
  for (const directory of directories) mkdirSync(directory, { mode: 0o700 })
  return {
    close() {
      for (const directory of directories) rmSync(directory, { recursive: true, force: true })
    },
    async run(items) {
      const results = new Array<number>(items.length).fill(0)
      const groups = groupByDirectory(items)
      const { signal } = options
      const pieces = cut(groups, (group) => group.items.length / BATCH)
      await workThrough(twice(lanes), { pieces, signal }, async (lane, batch) => {
        const staging = `${stagingName(lanes.indexOf(lane))}/link`
        const done = await relinkBatch(lane, batch, { store: options.store, staging })
        for (const [index, error] of done) results[index] = error
        options.progress?.(done.length)
      })
      return results
    },
  }
}

/** @returns indexes of items, each with its errno */
async function relinkBatch(
  lane: Lane,
  batch: readonly Group[],
  { store: path, staging }: { store: string; staging: string },
): Promise<readonly (readonly [number, number])[]> {
  const store = await lane.directory(path)
  const there: { readonly group: Group; readonly root: number }[] = []
  const done: (readonly [number, number])[] = []
  for (const group of batch) {
    // A tree may be gone by now, with the guest that it was of.
    const root = await lane.directory(group.tree.path)
    if (root !== undefined && store !== undefined) there.push({ group, root })
    else for (const { index } of group.items) done.push([index, errno.ENOENT])
  }
  if (there.length === 0 || store === undefined) return done
  const reported = await lane.run((ops) => {
    for (const [step, { group: { directory, items }, root }] of there.entries()) {
      ops.step(step, 'share equal files')
      const path = text(directory === '' ? '.' : toBytes(directory))
      const table = bytes(encodeTable(items.map(({ item }) => item)))
      ops.emit('RELINK', [root, path, table, store, staging])
    }
  })
  const answer = new DataView(reported.buffer, reported.byteOffset)
  let at = 0
  for (const { group: { items } } of there) {
    for (const { index } of items) {
      done.push([index, answer.getInt32(at, true)])
      at += 4
    }
  }
  return done
}

/** A directory with more names than a plan has room for comes more than once. */
function groupByDirectory(items: readonly Relink[]): readonly Group[] {
  const groups: Group[] = []
  const current = new Map<string, Group>()
  for (const [index, item] of items.entries()) {
    const { tree, directory } = item.name
    const key = `${tree.id}\0${directory}\0${item.action}`
    let group = current.get(key)
    if (group === undefined || group.items.length === BATCH) {
      current.set(key, group = { tree, directory, items: [] })
      groups.push(group)
    }
    group.items.push({ item, index })
  }
  return groups
}

const head = {
  mtimeSec: offsetOf(layout.relink_head, 'mtime_sec'),
  mtimeNsec: offsetOf(layout.relink_head, 'mtime_nsec'),
  count: offsetOf(layout.relink_head, 'count'),
} as const
const entry = {
  ino: offsetOf(layout.relink_entry, 'ino'),
  size: offsetOf(layout.relink_entry, 'size'),
  mtimeSec: offsetOf(layout.relink_entry, 'mtime_sec'),
  objectIno: offsetOf(layout.relink_entry, 'object_ino'),
  mtimeNsec: offsetOf(layout.relink_entry, 'mtime_nsec'),
  action: offsetOf(layout.relink_entry, 'action'),
  entryBytes: offsetOf(layout.relink_entry, 'entry_bytes'),
  nameBytes: offsetOf(layout.relink_entry, 'name_bytes'),
  objectBytes: offsetOf(layout.relink_entry, 'object_bytes'),
} as const
const HEAD_BYTES = sizeOf(layout.relink_head)
const ENTRY_BYTES = sizeOf(layout.relink_entry)

/** The table of one directory for RELINK. Pure. */
export function encodeTable(items: readonly Relink[]): Buffer {
  const room = ({ name, object }: Relink) =>
    (ENTRY_BYTES + name.name.length + object.length + 2 + 7) & ~7
  const table = Buffer.alloc(items.reduce((sum, item) => sum + room(item), HEAD_BYTES))
  const wide = (place: number, value: number) => {
    table.writeUInt32LE(value % 0x1_0000_0000, place)
    table.writeUInt32LE(Math.floor(value / 0x1_0000_0000), place + 4)
  }
  const signed = (place: number, value: number) => table.writeBigInt64LE(BigInt(value), place)
  const first = items[0]?.name
  signed(head.mtimeSec, first?.mtimeSec ?? 0)
  table.writeUInt32LE(first?.mtimeNsec ?? 0, head.mtimeNsec)
  table.writeUInt32LE(items.length, head.count)
  let at = HEAD_BYTES
  for (const item of items) {
    const { name: { name }, file, object } = item
    wide(at + entry.ino, file.ino)
    wide(at + entry.size, file.size)
    signed(at + entry.mtimeSec, file.mtimeSec)
    wide(at + entry.objectIno, item.objectIno)
    table.writeUInt32LE(file.mtimeNsec, at + entry.mtimeNsec)
    table.writeUInt16LE(action[item.action], at + entry.action)
    table.writeUInt16LE(room(item), at + entry.entryBytes)
    table.writeUInt16LE(name.length, at + entry.nameBytes)
    table.writeUInt16LE(object.length, at + entry.objectBytes)
    table.write(name, at + ENTRY_BYTES, 'latin1')
    table.write(object, at + ENTRY_BYTES + name.length + 1, 'latin1')
    at += room(item)
  }
  return table
}
