/**
 * Files with the same bytes that are equal in every other way, too: among them, and on record.
 *
 * @module
 */
import { byteString } from '../host/tree/names.ts'
import { type Compared, compareFiles, type Member, MOST, pathOfMember } from './compare.ts'
import { digestFiles } from './digest.ts'
import type { Lane } from './lanes.ts'
import type { Candidates, Equal, Known, MatchRequest } from './match.ts'
import { readXattrsOf } from './meta.ts'
import { metaKey } from './meta_key.ts'

type SplitRequest = Pick<MatchRequest, 'files' | 'ignoreTimes' | 'signal'>

/** FS_IMMUTABLE_FL and FS_APPEND_FL (linux/fs.h): files that no name can be added to. */
const UNLINKABLE = 0x10 | 0x20

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

/** Finds what is equal in every way among what has the same bytes. @returns it for each group */
export async function splitCompared(
  lane: Lane,
  { piece, compared }: {
    piece: readonly Candidates[]
    compared: readonly (readonly Compared[])[]
  },
  request: SplitRequest,
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
  const isWritable = (file: number) => files.at.writable[file] === 1
  // What nobody can write to stands for all: it is still what it was when it was compared.
  const standFor = (numbers: readonly number[]) =>
    numbers.find((file) => !isWritable(file)) ?? numbers[0] ?? 0
  const undigested = alike.filter(({ digest }) => digest === undefined)
  const digests = await digestFiles(
    undigested.map(({ of: { size }, files: numbers }) => {
      const file = standFor(numbers)
      return { path: absolute(file), size, careful: isWritable(file) }
    }),
    { ...(signal === undefined ? {} : { signal }) },
  )
  const late = new Map(undigested.map((one, i) => [one, digests[i]]))
  const equal = new Map(piece.map((one) => [one, [] as Equal[]]))
  for (const one of alike) {
    const { of, meta, files: numbers } = one
    const content = one.digest ?? late.get(one)
    if (!(content instanceof Uint8Array)) continue
    const known = await findKnown(lane, { of, meta, content, file: standFor(numbers) }, request)
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
  { files, ignoreTimes }: SplitRequest,
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
  let sure = true
  for (let from = 0; from < may.length; from += MOST - 1) {
    const some = may.slice(from, from + MOST - 1)
    const members = [own, ...some.map(({ member }) => member)]
    const [[mine, ...found] = []] = await compareFiles(lane, [{ size: of.size, members }])
    if (mine === undefined || mine.error !== 0) return []
    // Somebody may have written to the new one since it was digested.
    if (mine.digest !== undefined && Buffer.compare(mine.digest, content) !== 0) return []
    sure &&= mine.digest !== undefined
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
  if (sure || !own.careful) return equal
  const digests = await digestFiles(
    equal.map(({ member }) => ({ path: pathOfMember(member), size: of.size })),
  )
  return equal.filter((_, i) => {
    const digest = digests[i]
    return digest instanceof Uint8Array && Buffer.compare(digest, content) === 0
  })
}
