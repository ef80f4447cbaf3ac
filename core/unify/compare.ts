/**
 * Which files have the same bytes: through the executor, which reads each of them once.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { type ByteString, byteString } from '../host/tree/names.ts'
import { errno } from '../linux/errno.ts'
import { compare, compared, layout } from '../plan/abi.ts'
import { offsetOf, sizeOf } from '../plan/layout.ts'
import { bytes } from '../plan/program.ts'
import type { Lane } from './lanes.ts'

export interface Member {
  /** Absolute path of a directory. */
  readonly root: string
  /** Below it. */
  readonly path: ByteString
  /** A guest may run by now: where the file was there may be a device, or a way to one of the host. */
  readonly careful: boolean
}

/** Absolute path of a member. */
export function pathOfMember({ root, path }: Member): ByteString {
  return `${byteString(root)}/${path}`
}

export interface Group {
  /** Bytes that each file must have. */
  readonly size: number
  /** At most {@link MOST}. */
  readonly members: readonly Member[]
}

export interface Compared {
  /** Index of the first member that has the same bytes. */
  readonly leader: number
  /** errno; ESTALE for what is no file, or has another size. The rest says nothing then. */
  readonly error: number
  /** FS_IOC_GETFLAGS; 0 where there are none. */
  readonly flags: number
  /** Length of the list of xattr names. */
  readonly xattrBytes: number
  /** Pages that were in memory; 0 where the kernel does not tell. */
  readonly cached: number
  /** SHA-256, of a leader; none where the processor or the size made that too slow. */
  readonly digest: Uint8Array | undefined
}

/** Members of a group, at most. */
export const MOST = compare.MOST

/** What one plan reads, at most, unless a single file is larger. */
export const PIECE_FILES = 512
export const PIECE_BYTES = 1 << 23

/** How much of each file is compared by one op: so long nothing can be interrupted. */
const SLICE_BYTES = 1 << 26

const gone: Compared = {
  leader: 0,
  error: errno.ENOENT,
  flags: 0,
  xattrBytes: 0,
  cached: 0,
  digest: undefined,
}

/** Compares the files of each group. @returns for each group what is known of its members */
export async function compareFiles(
  lane: Lane,
  groups: readonly Group[],
): Promise<readonly (readonly Compared[])[]> {
  const first = await compareSlice(lane, groups, { offset: 0 })
  const results: (readonly Compared[])[] = []
  for (const [i, group] of groups.entries()) {
    results.push(await compareRest(lane, group, { found: first[i] ?? [], from: SLICE_BYTES }))
  }
  return results
}

/** What is known of files without reading them; members are led by themselves. */
export async function lookAtFiles(
  lane: Lane,
  members: readonly Member[],
): Promise<readonly Compared[]> {
  const looks: Compared[] = []
  for (let from = 0; from < members.length; from += MOST) {
    const group = { size: 0, members: members.slice(from, from + MOST) }
    const [found = []] = await compareSlice(lane, [group], { offset: 0 })
    for (const one of found) looks.push({ ...one, leader: looks.length })
  }
  return looks
}

/** A file that must have so many bytes. */
export interface Sized {
  readonly member: Member
  readonly size: number
}

/**
 * What is known of files, with the digests of all that are read at once; each is led by itself.
 *
 * @param files together no more than one plan should read
 */
export async function digestMembers(
  lane: Lane,
  files: readonly Sized[],
): Promise<readonly Compared[]> {
  const groups = files.map(({ member, size }) => ({ size, members: [member] }))
  const found = (await compareSlice(lane, groups, { offset: 0, digest: true })).flat()
  return found.map((one, leader) => ({ ...one, leader }))
}

/** Goes on with what was equal so far. */
async function compareRest(
  lane: Lane,
  group: Group,
  { found, from }: { found: readonly Compared[]; from: number },
): Promise<readonly Compared[]> {
  if (from >= group.size) return found
  const classes = new Map<number, number[]>()
  for (const [i, { leader, error }] of found.entries()) {
    if (error === 0) classes.set(leader, [...classes.get(leader) ?? [], i])
  }
  const result = [...found]
  for (const indexes of classes.values()) {
    if (indexes.length < 2) continue
    const members = indexes.flatMap((i) => group.members[i] ?? [])
    const part = { size: group.size, members }
    const [next = []] = await compareSlice(lane, [part], { offset: from })
    const all = await compareRest(lane, part, { found: next, from: from + SLICE_BYTES })
    for (const [j, i] of indexes.entries()) {
      const before = found[i]
      const now = all[j]
      if (before === undefined || now === undefined) continue
      result[i] = {
        ...before,
        error: now.error,
        leader: indexes[now.leader] ?? i,
        digest: undefined,
      }
    }
  }
  return result
}

async function compareSlice(
  lane: Lane,
  groups: readonly Group[],
  { offset, digest = false }: { readonly offset: number; readonly digest?: boolean },
): Promise<readonly (readonly Compared[])[]> {
  const roots = new Map<string, number | undefined>()
  for (const { members } of groups) {
    for (const { root } of members) {
      if (!roots.has(root)) roots.set(root, await lane.directory(root))
    }
  }
  const there = groups.map(({ members }) =>
    members.filter(({ root }) => roots.get(root) !== undefined)
  )
  const table = encode(groups, { there, roots, offset })
  if (table.length === 0) return groups.map(({ members }) => members.map(() => gone))
  const reported = await lane.run((ops) => {
    ops.step(0, 'compare files')
    const flags = (offset === 0 ? compare.CACHED : 0) + (digest ? compare.DIGEST : 0)
    ops.emit('COMPARE', [bytes(table), flags])
  })
  const answer = asBuffer(reported)
  let at = 0
  return groups.map(({ members }, i) => {
    const some = there[i] ?? []
    const found = new Map(some.map((member, j) => [member, decode(answer, at + j * RESULT_BYTES)]))
    at += some.length * RESULT_BYTES
    if (some.length === members.length) return [...found.values()]
    // The leader is an index among those that are there.
    return members.map((member) => {
      const one = found.get(member)
      const leader = some[one?.leader ?? 0]
      return one === undefined || leader === undefined
        ? gone
        : { ...one, leader: members.indexOf(leader) }
    })
  })
}

const HEAD_BYTES = sizeOf(layout.compare_head)
const ENTRY_BYTES = sizeOf(layout.compare_entry)
const RESULT_BYTES = sizeOf(layout.compare_result)
const head = {
  size: offsetOf(layout.compare_head, 'size'),
  offset: offsetOf(layout.compare_head, 'offset'),
  length: offsetOf(layout.compare_head, 'length'),
  count: offsetOf(layout.compare_head, 'count'),
} as const
const entry = {
  root: offsetOf(layout.compare_entry, 'root'),
  flags: offsetOf(layout.compare_entry, 'flags'),
  pathBytes: offsetOf(layout.compare_entry, 'path_bytes'),
} as const
const result = {
  leader: offsetOf(layout.compare_result, 'class'),
  error: offsetOf(layout.compare_result, 'error'),
  flags: offsetOf(layout.compare_result, 'flags'),
  xattrBytes: offsetOf(layout.compare_result, 'xattr_bytes'),
  cached: offsetOf(layout.compare_result, 'cached'),
  digested: offsetOf(layout.compare_result, 'digested'),
  digest: offsetOf(layout.compare_result, 'digest'),
} as const

const room = ({ path }: Member) => (ENTRY_BYTES + path.length + 8) & ~7

function encode(
  groups: readonly Group[],
  { there, roots, offset }: {
    there: readonly (readonly Member[])[]
    roots: ReadonlyMap<string, number | undefined>
    offset: number
  },
): Buffer {
  const some = there.filter((members) => members.length > 0)
  const table = Buffer.alloc(
    some.flat().reduce((sum, member) => sum + room(member), some.length * HEAD_BYTES),
  )
  let at = 0
  for (const [i, { size }] of groups.entries()) {
    const members = there[i] ?? []
    if (members.length === 0) continue
    wide(table, at + head.size, size)
    wide(table, at + head.offset, offset)
    wide(table, at + head.length, Math.min(SLICE_BYTES, size - offset))
    table.writeUInt32LE(members.length, at + head.count)
    at += HEAD_BYTES
    for (const member of members) {
      table.writeUInt32LE(roots.get(member.root) ?? 0, at + entry.root)
      table.writeUInt16LE(member.careful ? compared.CAREFULLY : 0, at + entry.flags)
      table.writeUInt16LE(member.path.length, at + entry.pathBytes)
      table.write(member.path, at + ENTRY_BYTES, 'latin1')
      at += room(member)
    }
  }
  return table
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength)

function wide(table: Buffer, at: number, value: number): void {
  table.writeUInt32LE(value % 0x1_0000_0000, at)
  table.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4)
}

const DIGEST_BYTES = 32

function decode(answer: Buffer, at: number): Compared {
  const from = at + result.digest
  const digested = answer[at + result.digested] !== 0
  return {
    leader: answer.readUInt32LE(at + result.leader),
    error: answer.readUInt32LE(at + result.error),
    flags: answer.readUInt32LE(at + result.flags),
    xattrBytes: answer.readUInt32LE(at + result.xattrBytes),
    cached: answer.readUInt32LE(at + result.cached),
    digest: digested
      ? Uint8Array.prototype.slice.call(answer, from, from + DIGEST_BYTES)
      : undefined,
  }
}
