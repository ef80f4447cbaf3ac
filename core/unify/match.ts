/**
 * Finds out which files are equal: by size and metadata first, by what they hold then. A file is read at most
 * once in a run, and none becomes one with another unless both were read in this run.
 *
 * @module
 */
import type { ByteString } from '../host/tree/names.ts'
import { type Digest, digestFiles, type Digestible, type DigestOptions } from './digest.ts'
import type { Row } from './index_file.ts'
import { type FileNode, type Name, pathOf } from './tree.ts'

/** A file that was found by an earlier run. */
export interface Known {
  readonly row: Row
  /** Absolute path of one of its names, or in the store. */
  readonly path: ByteString
  /** None when it is in the store. */
  readonly names: readonly Name[]
  digest: Digest | undefined
}

/** Files that are equal in every way, at least two inodes. */
export interface Equal {
  readonly files: readonly FileNode[]
  readonly known: readonly Known[]
  readonly content: Uint8Array
  readonly meta: string
}

export interface MatchRequest extends Omit<DigestOptions, 'progress'> {
  readonly files: Iterable<FileNode>
  /** Files of earlier runs that have this size; each call gives the same objects. */
  readonly knownOfSize: (size: number) => readonly Known[]
  readonly progress: (event: { doneBytes: number; totalBytes: number }) => void
}

interface Candidates {
  readonly files: FileNode[]
  readonly known: Known[]
}

/** Whose digest came out as one. A file that could not be read, or changed meanwhile, is equal to none. */
export async function findEqual(request: MatchRequest): Promise<readonly Equal[]> {
  const groups = [...group(request)].filter(({ files, known }) => files.length + known.length > 1)
  await digestAll(groups, request)
  return groups.flatMap(split)
}

function group({ files, knownOfSize }: MatchRequest): Iterable<Candidates> {
  const groups = new Map<string, Candidates>()
  for (const file of files) {
    const key = `${file.size}|${file.meta}`
    const found = groups.get(key)
    if (found !== undefined) {
      found.files.push(file)
      continue
    }
    const known = knownOfSize(file.size).filter(({ row }) => row.meta === file.meta)
    groups.set(key, { files: [file], known })
  }
  return groups.values()
}

/**
 * New files first; of those on record then only what can still match: what was read in an earlier run and
 * was something else is not read again.
 */
async function digestAll(groups: readonly Candidates[], request: MatchRequest): Promise<void> {
  const fresh = groups.flatMap(({ files }) => files.filter(({ digest }) => digest === undefined))
  await digest(
    fresh.map((file) => ({
      ...{ file, path: pathOf(first(file)), size: file.size, careful: file.writable },
    })),
    request,
  )
  const old = groups.flatMap(({ files, known }) =>
    known.filter((one) =>
      one.digest === undefined && files.some((file) =>
        file.digest instanceof Uint8Array &&
        (one.row.digest === null || Buffer.compare(one.row.digest, file.digest) === 0)
      )
    )
  )
  await digest(old.map((file) => ({ file, path: file.path, size: file.row.size })), request)
}

async function digest(
  items: readonly (Digestible & { readonly file: { digest: Digest | undefined } })[],
  { signal, progress }: MatchRequest,
): Promise<void> {
  const totalBytes = items.reduce((sum, { size }) => sum + size, 0)
  let doneBytes = 0
  const digests = await digestFiles(items, {
    ...(signal === undefined ? {} : { signal }),
    progress(bytes) {
      doneBytes += bytes
      progress({ doneBytes, totalBytes })
    },
  })
  items.forEach(({ file }, i) => {
    file.digest = digests[i]
  })
}

function split({ files, known }: Candidates): readonly Equal[] {
  const byContent = new Map<string, Candidates & { readonly content: Uint8Array }>()
  const of = (digest: Digest | undefined) => {
    if (!(digest instanceof Uint8Array)) return undefined
    const key = digest.toString('latin1')
    let found = byContent.get(key)
    if (found === undefined) byContent.set(key, found = { files: [], known: [], content: digest })
    return found
  }
  for (const file of files) of(file.digest)?.files.push(file)
  for (const one of known) of(one.digest)?.known.push(one)
  return [...byContent.values()].flatMap(({ files, known, content }) => {
    const [file] = files
    const many = files.length + known.length > 1
    return file === undefined || !many ? [] : [{ files, known, content, meta: file.meta }]
  })
}

function first({ names: [name] }: FileNode) {
  if (name === undefined) throw new RangeError('a file without a name')
  return name
}
