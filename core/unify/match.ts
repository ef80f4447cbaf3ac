/**
 * Finds out which files are equal: by size and metadata first, by what they hold then. None becomes one with
 * another unless both were read in this run.
 *
 * @module
 */
import { byteString } from '../host/tree/names.ts'
import { errno } from '../linux/errno.ts'
import { type Compared, compareFiles, digestMembers, type Member, MOST } from './compare.ts'
import { digestFiles } from './digest.ts'
import { groupAlike } from './group.ts'
import type { Row } from './index_file.ts'
import { type Lane, twice, workThrough } from './lanes.ts'
import { readXattrsOf } from './meta.ts'
import { basicKey, metaKey } from './meta_key.ts'
import type { FileTable } from './table.ts'
import type { Name } from './tree.ts'

/** A file that was found by an earlier run. */
export interface Known {
  readonly row: Row
  /** One of its names, or the one in the store. */
  readonly member: Member
  /** None when it is in the store. */
  readonly names: readonly Name[]
  /** Pages that were in memory before it was read. */
  readonly cached: number
}

/** Files that are equal in every way, at least two inodes. */
export interface Equal {
  /** Numbers in the table. */
  readonly files: readonly number[]
  readonly known: readonly Known[]
  readonly content: Uint8Array
  readonly meta: string
}

export interface MatchRequest {
  readonly files: FileTable
  readonly ignoreTimes: boolean
  /** Files of earlier runs that have this size; `undefined` when there was none. */
  readonly knownOfSize: ((size: number) => readonly Known[]) | undefined
  readonly signal?: AbortSignal
  readonly progress: (event: { doneBytes: number; totalBytes: number }) => void
}

interface Candidates {
  /** Its place in the result. */
  readonly index: number
  readonly files: readonly number[]
  readonly known: readonly Known[]
  readonly size: number
}

/** Files that one plan compares, at most, unless a group has more. */
const PIECE_FILES = 512
const PIECE_BYTES = 1 << 23

/** FS_IMMUTABLE_FL and FS_APPEND_FL (linux/fs.h): files that no name can be added to. */
const UNLINKABLE = 0x10 | 0x20

/** Whose bytes came out as the same. A file that could not be read, or changed meanwhile, is equal to none. */
export async function findEqual(
  lanes: readonly Lane[],
  request: MatchRequest,
): Promise<readonly Equal[]> {
  const { signal, progress } = request
  const candidates = findCandidates(request)
  const totalBytes = candidates.reduce((sum, { files, size }) => sum + files.length * size, 0)
  let doneBytes = 0
  const found: (readonly Equal[])[] = []
  await workThrough(twice(lanes), { pieces: cut(candidates), signal }, async (lane, piece) => {
    const compared = await comparePiece(lane, piece, request)
    const equal = await splitPiece(lane, { piece, compared }, request)
    for (const [i, { index, files, size }] of piece.entries()) {
      found[index] = equal[i] ?? []
      doneBytes += files.length * size
    }
    progress({ doneBytes, totalBytes })
  })
  return found.flat()
}

function findCandidates({ files, ignoreTimes, knownOfSize }: MatchRequest): readonly Candidates[] {
  const candidates: Candidates[] = []
  for (const group of groupAlike(files, { ignoreTimes })) {
    const [first = 0] = group
    const size = files.at.size[first] ?? 0
    let known: readonly Known[] = []
    if (knownOfSize !== undefined) {
      const basic = basicKey(files.basicMeta(first), { ignoreTimes })
      known = knownOfSize(size).filter(({ row: { meta } }) => meta === basic)
    }
    if (group.length + known.length < 2) continue
    candidates.push({ index: candidates.length, files: group, known, size })
  }
  return candidates
}

function* cut(candidates: readonly Candidates[]): Generator<readonly Candidates[]> {
  let piece: Candidates[] = []
  let [files, bytes] = [0, 0]
  for (const one of candidates) {
    piece.push(one)
    files += one.files.length
    bytes += one.files.length * one.size
    if (files < PIECE_FILES && bytes < PIECE_BYTES) continue
    yield piece
    piece = []
    files = bytes = 0
  }
  if (piece.length > 0) yield piece
}

async function comparePiece(
  lane: Lane,
  piece: readonly Candidates[],
  { files, signal }: MatchRequest,
): Promise<readonly (readonly Compared[])[]> {
  const { at } = files
  const membersOf = (numbers: readonly number[]) =>
    numbers.map((file): Member => ({
      root: files.treeOf(file).path,
      path: files.pathOf(file),
      careful: at.writable[file] === 1,
    }))
  const few = piece.filter((one) => one.files.length <= MOST)
  const compared = new Map(
    (await compareFiles(lane, few.map(({ files, size }) => ({ size, members: membersOf(files) }))))
      .map((found, i) => [few[i], found]),
  )
  const results: (readonly Compared[])[] = []
  for (const one of piece) {
    results.push(
      compared.get(one) ??
        await digestMany(lane, { members: membersOf(one.files), size: one.size, signal }),
    )
  }
  piece.forEach(({ files }, i) =>
    files.forEach((file, j) => {
      at.cached[file] = results[i]?.[j]?.cached ?? 0
    })
  )
  return results
}

/** More files than can be open at once are told apart by their digests. */
async function digestMany(
  lane: Lane,
  { members, size, signal }: {
    members: readonly Member[]
    size: number
    signal: AbortSignal | undefined
  },
): Promise<readonly Compared[]> {
  const looks = await digestMembers(lane, members, size)
  const late = looks.flatMap(({ digest, error }, i) =>
    digest === undefined && error === 0 ? members[i] ?? [] : []
  )
  const digests = await digestFiles(
    late.map((member) => ({ path: pathOfMember(member), size, careful: member.careful })),
    { ...(signal === undefined ? {} : { signal }) },
  )
  const lateDigests = new Map(late.map((member, i) => [member, digests[i]]))
  const leaders = new Map<string, number>()
  return looks.map((look, i) => {
    if (look.error !== 0) return look
    const member = members[i]
    const digest = look.digest ?? (member === undefined ? undefined : lateDigests.get(member))
    if (!(digest instanceof Uint8Array)) return { ...look, error: errno.ESTALE }
    const key = Buffer.from(digest).toString('latin1')
    if (!leaders.has(key)) leaders.set(key, i)
    return { ...look, digest, leader: leaders.get(key) ?? i }
  })
}

/** Some of a group: with the same bytes and inode flags, and perhaps the same xattrs. */
interface Part {
  readonly of: Candidates
  readonly files: readonly number[]
  readonly flags: number
  readonly xattrBytes: readonly number[]
  readonly digest: Uint8Array | undefined
}

function partsOf(of: Candidates, compared: readonly Compared[]): readonly Part[] {
  const parts = new Map<
    string,
    Part & { readonly files: number[]; readonly xattrBytes: number[] }
  >()
  for (const [i, { leader, error, flags, xattrBytes }] of compared.entries()) {
    if (error !== 0 || (flags & UNLINKABLE) !== 0) continue
    const key = `${leader}:${flags}`
    let part = parts.get(key)
    if (part === undefined) {
      const { digest } = compared[leader] ?? {}
      parts.set(key, part = { of, files: [], flags, xattrBytes: [], digest })
    }
    part.files.push(of.files[i] ?? 0)
    part.xattrBytes.push(xattrBytes)
  }
  return [...parts.values()].filter(({ files }) => files.length + of.known.length > 1)
}

/** @returns what is equal in each group */
async function splitPiece(
  lane: Lane,
  { piece, compared }: {
    piece: readonly Candidates[]
    compared: readonly (readonly Compared[])[]
  },
  request: MatchRequest,
): Promise<readonly (readonly Equal[])[]> {
  const { files, ignoreTimes, signal } = request
  const absolute = (file: number) => `${byteString(files.treeOf(file).path)}/${files.pathOf(file)}`
  const parts = piece.flatMap((one, i) => partsOf(one, compared[i] ?? []))
  const xattrs = await readXattrsOf(
    lane.session,
    parts.flatMap((part) =>
      part.files.map((file, i) => {
        const xattrBytes = part.xattrBytes[i] ?? 0
        return { path: xattrBytes > 0 ? absolute(file) : '', xattrBytes }
      })
    ),
  )
  let at = 0
  const alike = parts.flatMap((part) => {
    const byMeta = new Map<string, number[]>()
    for (const file of part.files) {
      const own = xattrs[at++]
      if (own === undefined) continue
      const meta = metaKey({ ...files.basicMeta(file), flags: part.flags }, own, { ignoreTimes })
      const found = byMeta.get(meta)
      if (found === undefined) byMeta.set(meta, [file])
      else found.push(file)
    }
    const { of, digest } = part
    return [...byMeta].map(([meta, numbers]) => ({ of, digest, meta, files: numbers }))
      .filter((one) => one.files.length + one.of.known.length > 1)
  })
  const undigested = alike.filter(({ digest }) => digest === undefined)
  const digests = await digestFiles(
    undigested.map(({ of: { size }, files: [file = 0] }) => ({
      path: absolute(file),
      size,
      careful: files.at.writable[file] === 1,
    })),
    { ...(signal === undefined ? {} : { signal }) },
  )
  const late = new Map(undigested.map((one, i) => [one, digests[i]]))
  const equal = new Map(piece.map((one) => [one, [] as Equal[]]))
  for (const one of alike) {
    const { of, meta, files: numbers } = one
    const content = one.digest ?? late.get(one)
    if (!(content instanceof Uint8Array)) continue
    const known = await findKnown(lane, { of, meta, content, file: numbers[0] ?? 0 }, request)
    if (numbers.length + known.length > 1) {
      equal.get(of)?.push({ files: numbers, known, content, meta })
    }
  }
  return piece.map((one) => equal.get(one) ?? [])
}

/** Files on record that are equal to a new one. What was read in an earlier run and was something else is not. */
async function findKnown(
  lane: Lane,
  { of, meta, content, file }: {
    of: Candidates
    meta: string
    content: Uint8Array
    file: number
  },
  { files, ignoreTimes }: MatchRequest,
): Promise<readonly Known[]> {
  const may = of.known.filter(({ row: { digest } }) =>
    digest === null || Buffer.compare(digest, content) === 0
  )
  const own: Member = {
    root: files.treeOf(file).path,
    path: files.pathOf(file),
    careful: files.at.writable[file] === 1,
  }
  const equal: Known[] = []
  for (let from = 0; from < may.length; from += MOST - 1) {
    const some = may.slice(from, from + MOST - 1)
    const members = [own, ...some.map(({ member }) => member)]
    const [[mine, ...found] = []] = await compareFiles(lane, [{ size: of.size, members }])
    if (mine === undefined || mine.error !== 0) return []
    const xattrs = await readXattrsOf(
      lane.session,
      some.map(({ member }, i) => ({
        path: pathOfMember(member),
        xattrBytes: found[i]?.xattrBytes ?? 0,
      })),
    )
    for (const [i, known] of some.entries()) {
      const [one, list] = [found[i], xattrs[i]]
      if (one === undefined || list === undefined || one.error !== 0 || one.leader !== 0) continue
      const basic = { ...files.basicMeta(file), flags: one.flags }
      if (metaKey(basic, list, { ignoreTimes }) === meta) {
        equal.push({ ...known, cached: one.cached })
      }
    }
  }
  return equal
}

const pathOfMember = ({ root, path }: Member) => `${byteString(root)}/${path}`
