/**
 * Finds out which files are equal: by size and metadata first, by what they hold then. None becomes one with
 * another unless both were read in this run.
 *
 * @module
 */
import { errno } from '../linux/errno.ts'
import {
  type Compared,
  compareFiles,
  lookAtFiles,
  type Member,
  MOST,
  PIECE_BYTES,
  PIECE_FILES,
} from './compare.ts'
import { digestInLanes } from './digest_lanes.ts'
import { groupAlike } from './group.ts'
import type { Row } from './index_file.ts'
import { type Lane, twice, workThrough } from './lanes.ts'
import { basicKey } from './meta_key.ts'
import { cut } from './pieces.ts'
import { splitCompared } from './same_bytes.ts'
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

/** Files of one size, with the same owner, mode and time. */
export interface Candidates {
  /** Its place in the result. */
  readonly index: number
  readonly files: readonly number[]
  readonly known: readonly Known[]
  readonly size: number
}

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
  await workThrough(
    twice(lanes),
    { pieces: cut(candidates, weigh), signal },
    async (lane, piece) => {
      const compared = await comparePiece(lane, piece, request)
      const equal = await splitCompared(lane, { piece, compared }, request)
      for (const [i, { index, files, size }] of piece.entries()) {
        found[index] = equal[i] ?? []
        doneBytes += files.length * size
      }
      progress({ doneBytes, totalBytes })
    },
  )
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

const weigh = ({ files: { length }, size }: Candidates) =>
  Math.max(length / PIECE_FILES, (length * size) / PIECE_BYTES)

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
  const looks = await lookAtFiles(lane, members)
  const digests = await digestInLanes([lane], members.map((member) => ({ member, size })), signal)
  const leaders = new Map<string, number>()
  return looks.map((look, i) => {
    const digest = digests[i]
    if (look.error !== 0) return look
    if (!(digest instanceof Uint8Array)) return { ...look, error: errno.ESTALE }
    const key = digest.toString('latin1')
    if (!leaders.has(key)) leaders.set(key, i)
    return { ...look, digest, leader: leaders.get(key) ?? i }
  })
}
