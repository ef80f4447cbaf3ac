/**
 * The files of trees in columns: millions fit into memory, and nothing of them is an object until it is needed.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import type { ByteString } from '../host/tree/names.ts'
import { columns, grown, nameColumns, type Names } from './columns.ts'
import type { ListedRecord } from './listed.ts'
import type { BasicMeta } from './meta_key.ts'
import type { ModificationTime } from './time.ts'
import type { FileNode, Name, Tree } from './tree.ts'

/** Where names are: a directory of a tree, and when it was modified. */
export interface Place extends ModificationTime {
  readonly tree: Tree
  /** Below the tree; empty for the tree itself. */
  readonly directory: ByteString
}

/** What has become of a file. */
export const state = { HERE: 0, DROPPED: 1, SHARED: 2 } as const

export interface FileTable {
  /** How many files there are, dropped ones too. Their numbers are those below. */
  readonly count: number
  /** Columns, each with a value for each file; they are others after a file was added. */
  readonly at: ReturnType<typeof columns>
  /** Names in the store, of those that have one. */
  readonly objects: Map<number, string>
  /** Number of a place, for {@link add}. */
  place(place: Place): number
  /** Adds a name, and with the first one its file. @returns the file's number */
  add(entry: ListedRecord, place: number): number
  /** Adds a name to a file. */
  addName(file: number, name: Name): void
  /** The number of the file that has an inode number. */
  ofIno(ino: number): number | undefined
  drop(file: number): void
  /** The first name's tree. */
  treeOf(file: number): Tree
  /** Where its names are. */
  placesOf(file: number): Iterable<Place>
  /** Path of the first name, below its tree. */
  pathOf(file: number): ByteString
  /** A file as an object; changes of that do not come here. */
  node(file: number): FileNode
  basicMeta(file: number): BasicMeta
  /** Numbers of all files that are neither dropped nor shared. */
  here(): Iterable<number>
  /** Has all names of a file in another tree, under the same paths. */
  move(file: number, tree: Tree): void
}

/** Files that there is room for at first. */
const FIRST = 1 << 13

/** An empty table. */
export function fileTable(): FileTable {
  let at = columns(FIRST)
  let names: Names = nameColumns(FIRST)
  let pool = Buffer.alloc(16 * FIRST)
  let [count, nameCount, poolUsed] = [0, 0, 0]
  const places: Place[] = []
  const moved = new Map<string, number>()
  const owners: { readonly mode: number; readonly uid: number; readonly gid: number }[] = []
  const ownerIds = new Map<string, number>()
  let lastOwner = 0
  const objects = new Map<number, string>()
  /** Open addressing by inode number: file numbers plus one. */
  let slots = new Int32Array(2 * FIRST)

  const slotOf = (ino: number): number => {
    const mask = slots.length - 1
    let slot = (Math.imul(ino | 0, 0x9e3779b1) ^ (ino / 0x1_0000_0000)) & mask
    for (;;) {
      const file = slots[slot] ?? 0
      if (file === 0 || at.ino[file - 1] === ino) return slot
      slot = (slot + 1) & mask
    }
  }
  const reserve = () => {
    if (count === at.ino.length) at = grown(at)
    if (2 * count < slots.length) return
    slots = new Int32Array(2 * slots.length)
    for (let file = 0; file < count; file++) slots[slotOf(at.ino[file] ?? 0)] = file + 1
  }
  const ownerOf = ({ mode, uid, gid }: ListedRecord): number => {
    const last = owners[lastOwner]
    if (last?.mode === mode && last.uid === uid && last.gid === gid) return lastOwner
    const key = `${mode}:${uid}:${gid}`
    const found = ownerIds.get(key)
    if (found !== undefined) return lastOwner = found
    ownerIds.set(key, owners.length)
    return lastOwner = owners.push({ mode, uid, gid }) - 1
  }
  const pushName = (file: number, place: number, from: Uint8Array, start: number, end: number) => {
    if (nameCount === names.place.length) names = grown(names)
    if (poolUsed + end - start > pool.length) {
      pool = Buffer.concat([pool, Buffer.alloc(pool.length)])
    }
    names.place[nameCount] = place
    names.at[nameCount] = poolUsed
    names.bytes[nameCount] = end - start
    // The first one found stays the first.
    const first = at.firstName[file] ?? -1
    if ((at.names[file] ?? 0) === 0) at.firstName[file] = nameCount
    else {
      names.next[nameCount] = names.next[first] ?? 0
      names.next[first] = nameCount + 1
    }
    for (let i = start; i < end; i++) pool[poolUsed++] = from[i] ?? 0
    at.names[file] = (at.names[file] ?? 0) + 1
    nameCount++
  }
  const nameAt = (name: number): Name => {
    const place = places[names.place[name] ?? 0]
    if (place === undefined) throw new RangeError(`no name ${name}`)
    const { tree, directory, mtimeSec, mtimeNsec } = place
    const start = names.at[name] ?? 0
    const text = pool.toString('latin1', start, start + (names.bytes[name] ?? 0))
    return { tree, directory, mtimeSec, mtimeNsec, name: text }
  }
  function* namesOf(file: number): Generator<number> {
    for (let name = (at.firstName[file] ?? -1) + 1; name > 0; name = names.next[name - 1] ?? 0) {
      yield name - 1
    }
  }
  const firstPlace = (file: number): Place => {
    const place = places[names.place[at.firstName[file] ?? -1] ?? -1]
    if (place === undefined) throw new RangeError(`no file ${file}`)
    return place
  }
  const ownerAt = (file: number) => owners[at.owner[file] ?? 0] ?? { mode: 0, uid: 0, gid: 0 }

  return {
    get count() {
      return count
    },
    get at() {
      return at
    },
    objects,
    place: (place) => places.push(place) - 1,
    add(entry, place) {
      const slot = slotOf(entry.ino)
      let file = (slots[slot] ?? 0) - 1
      if (file < 0) {
        file = count
        at.ino[file] = entry.ino
        at.size[file] = entry.size
        at.blocks[file] = entry.blocks
        at.mtimeSec[file] = entry.mtimeSec
        at.mtimeNsec[file] = entry.mtimeNsec
        at.ctimeSec[file] = entry.ctimeSec
        at.ctimeNsec[file] = entry.ctimeNsec
        at.nlink[file] = entry.nlink
        at.owner[file] = ownerOf(entry)
        at.writable[file] = places[place]?.tree.writable === true ? 1 : 0
        slots[slot] = ++count
        pushName(file, place, entry.bytes, entry.nameStart, entry.nameEnd)
        reserve()
      } else pushName(file, place, entry.bytes, entry.nameStart, entry.nameEnd)
      return file
    },
    addName(file, { name, ...place }) {
      const bytes = Buffer.from(name, 'latin1')
      pushName(file, places.push(place) - 1, bytes, 0, bytes.length)
    },
    ofIno(ino) {
      const file = slots[slotOf(ino)] ?? 0
      return file === 0 ? undefined : file - 1
    },
    drop(file) {
      at.state[file] = state.DROPPED
    },
    treeOf: (file) => firstPlace(file).tree,
    *placesOf(file) {
      for (const name of namesOf(file)) {
        const place = places[names.place[name] ?? 0]
        if (place !== undefined) yield place
      }
    },
    pathOf(file) {
      const name = at.firstName[file] ?? 0
      const start = names.at[name] ?? 0
      const { directory } = firstPlace(file)
      const text = pool.toString('latin1', start, start + (names.bytes[name] ?? 0))
      return directory === '' ? text : `${directory}/${text}`
    },
    node: (file) => ({
      number: file,
      ino: at.ino[file] ?? 0,
      size: at.size[file] ?? 0,
      blocks: at.blocks[file] ?? 0,
      mtimeSec: at.mtimeSec[file] ?? 0,
      mtimeNsec: at.mtimeNsec[file] ?? 0,
      ctimeSec: at.ctimeSec[file] ?? 0,
      ctimeNsec: at.ctimeNsec[file] ?? 0,
      nlink: at.nlink[file] ?? 0,
      cached: at.cached[file] ?? 0,
      ...ownerAt(file),
      names: [...namesOf(file)].map(nameAt),
      writable: at.writable[file] === 1,
      object: objects.get(file),
    }),
    basicMeta: (file) => ({
      ...ownerAt(file),
      mtimeSec: at.mtimeSec[file] ?? 0,
      mtimeNsec: at.mtimeNsec[file] ?? 0,
    }),
    *here() {
      for (let file = 0; file < count; file++) if (at.state[file] === state.HERE) yield file
    },
    move(file, tree) {
      at.writable[file] = 0
      for (const name of namesOf(file)) {
        const from = names.place[name] ?? 0
        const place = places[from]
        const key = `${from}\0${tree.id}`
        let to = moved.get(key)
        if (to === undefined && place !== undefined) {
          moved.set(key, to = places.push({ ...place, tree }) - 1)
        }
        names.place[name] = to ?? from
      }
    },
  }
}
