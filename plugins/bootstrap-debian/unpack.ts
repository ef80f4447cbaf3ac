/**
 * Packages as members of one tree: what dpkg does with them when it unpacks, in one pass and in any order
 * of packages. Which package a path belongs to is told by Replaces; a path of two packages without it is
 * an error. In a merged tree, `bin`, `sbin`, `lib` and `lib64` are links into `usr`.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { badArchive } from '../../core/host/tree/fault.ts'
import type { Entry, FileEntry, Piece } from '../../core/host/tree/entry.ts'
import { type ByteString, byteString, showName } from '../../core/host/tree/names.ts'
import { type Deb, openDeb, readControl, readData } from './deb.ts'
import { fieldOf, linesOf, parseStanza, type Stanza } from './deb822.ts'
import { messageOf } from './failure.ts'
import type { IndexPackage } from './package.ts'
import { type Group, parseRelations } from './relation.ts'
import { fits } from './resolve.ts'

/** A package that is in the tree, as the database will tell of it. */
export interface Unpacked {
  readonly wanted: IndexPackage
  readonly control: Stanza
  /** Control files but for `control`, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Absolute paths as the package has them, in its order. */
  readonly list: readonly ByteString[]
  /** Absolute path and MD5 of configuration files. */
  readonly conffiles: readonly (readonly [path: ByteString, md5: string])[]
  /** MD5 of files, where the package does not tell them itself. */
  readonly sums: readonly (readonly [path: ByteString, md5: string])[]
}

export interface Unpacker {
  /** The members of one package. When all were taken, {@link done} has it. */
  entries(wanted: IndexPackage, path: string): AsyncGenerator<Entry>
  readonly done: readonly Unpacked[]
  /** The package that is being unpacked, or was last. */
  readonly at: IndexPackage | undefined
}

/** Top directories that are links into usr. */
export const mergedNames: readonly string[] = ['bin', 'lib', 'lib64', 'sbin']

interface Owned {
  readonly by: Making | undefined
  readonly kind: Entry['kind']
}

interface Making {
  readonly wanted: IndexPackage
  readonly replaces: readonly Group[]
  /** Paths that another package took over. */
  readonly lost: Set<ByteString>
}

/** @param merged whether the tree is merged; the caller makes the links first */
export function makeUnpacker(merged: boolean): Unpacker {
  const owners = new Map<ByteString, Owned>()
  const done: Unpacked[] = []
  let at: IndexPackage | undefined
  const links = new Map<ByteString, ByteString>(
    merged ? mergedNames.map((name) => [name, `usr/${name}`]) : [],
  )
  for (const name of links.keys()) owners.set(name, { by: undefined, kind: 'symlink' })

  /** Where a path really is. */
  const real = (path: ByteString): ByteString => {
    const slash = path.indexOf('/')
    const target = slash < 0 ? undefined : links.get(path.slice(0, slash))
    return target === undefined ? path : `${target}${path.slice(slash)}`
  }

  async function* entries(wanted: IndexPackage, path: string): AsyncGenerator<Entry> {
    at = wanted
    const deb = openDeb(path, `${wanted.name} ${wanted.version}`)
    const files = new Map(await readControl(deb))
    const control = checkControl(files.get('control')?.toString('utf8') ?? '', { deb, wanted })
    files.delete('control')
    const making: Making = {
      wanted,
      replaces: relations(fieldOf(control, 'Replaces'), deb),
      lost: new Set(),
    }
    const names = linesOf(files.get('conffiles')?.toString('latin1'))
      .filter((line) => !line.startsWith('remove-on-upgrade '))
    const hashes = new Map<ByteString, () => string>()
    const hashed = new Set<ByteString>(names)
    const list: ByteString[] = []
    const own = new Set<ByteString>()
    for await (const entry of readData(deb)) {
      const shown = `/${entry.path === '' ? '.' : entry.path}`
      list.push(shown)
      const placed = place(entry, deb, making)
      if (placed === undefined) {
        if (entry.kind === 'file') await skip(entry)
        continue
      }
      if (placed.kind === 'hardlink' && !own.has(placed.target)) {
        throw badArchive(
          deb.label,
          `"${showName(entry.path)}": it is a hard link to "${showName(placed.target)}", ` +
            'which is no file of the package',
          showName(entry.path),
        )
      }
      own.add(placed.path)
      if (placed.kind === 'file' && (hashed.has(shown) || !files.has('md5sums'))) {
        yield summed(placed, (read) => hashes.set(shown, read))
      } else yield placed
    }
    done.push({
      wanted,
      control,
      files,
      get list() {
        return list.filter((one) => !making.lost.has(real(one.slice(1))))
      },
      conffiles: names.flatMap((name) => {
        const read = hashes.get(name)
        return read === undefined ? [] : [[name, read()] as const]
      }),
      sums: files.has('md5sums') ? [] : [...hashes]
        .filter(([name]) => !hashed.has(name))
        .map(([name, read]) => [name, read()] as const),
    })
  }

  /** The member as it goes into the tree; undefined when it does not. */
  function place(entry: Entry, { label }: Deb, making: Making): Entry | undefined {
    const path = real(entry.path)
    const bad = (detail: string) =>
      badArchive(label, `"${showName(entry.path)}": ${detail}`, showName(entry.path))
    if (entry.kind === 'char' || entry.kind === 'block') throw bad('it is a device')
    const old = owners.get(path)
    if (old !== undefined) {
      const directory = old.kind === 'directory' || entry.kind === 'directory'
      if (old.by === undefined || (directory && old.by !== making)) {
        // Like dpkg: a directory that is there stays as it is, and so does a link in its place.
        const fine = directory || entry.kind === 'symlink'
        if (fine && (entry.kind === 'directory' || entry.kind === 'symlink')) return undefined
        throw bad(`it would replace a directory or link of "${old.by?.wanted.name ?? 'the tree'}"`)
      }
      if (old.by !== making && !directory) {
        if (replaces(old.by, making.wanted)) {
          making.lost.add(path)
          return undefined
        }
        if (!replaces(making, old.by.wanted)) {
          throw bad(`package "${old.by.wanted.name}" has it, too`)
        }
        old.by.lost.add(path)
      }
    }
    owners.set(path, { by: making, kind: entry.kind })
    return entry.kind === 'hardlink'
      ? { ...entry, path, target: real(entry.target) }
      : { ...entry, path }
  }

  return {
    entries,
    done,
    get at() {
      return at
    },
  }
}

function replaces(one: Making, other: IndexPackage): boolean {
  return one.replaces.flat().some((relation) => fits(other, relation))
}

function relations(text: string | undefined, { label }: Deb): readonly Group[] {
  try {
    return parseRelations(text)
  } catch (error) {
    throw badArchive(label, messageOf(error))
  }
}

/** The control data, which must tell of the package that the signed index told of. */
function checkControl(
  text: string,
  { deb, wanted }: { deb: Deb; wanted: IndexPackage },
): Stanza {
  let control: Stanza
  try {
    control = parseStanza(text.replace(/\n\s*$/, ''))
  } catch (error) {
    throw badArchive(deb.label, `its control file is damaged: ${messageOf(error)}`)
  }
  for (const [field, value] of [['Package', wanted.name], ['Version', wanted.version]] as const) {
    const has = fieldOf(control, field)
    if (has !== value) {
      throw badArchive(deb.label, `its ${field} should be "${value}", and is "${has ?? ''}"`)
    }
  }
  return control
}

/** Hands a file on, and makes the MD5 of its content. */
function summed(entry: FileEntry, keep: (read: () => string) => void): FileEntry {
  const hash = createHash('md5')
  let digest: string | undefined
  keep(() => digest ??= hash.digest('hex'))
  if (entry.content.kind !== 'stream') return entry
  const { pieces } = entry.content
  return { ...entry, content: { kind: 'stream', pieces: through(pieces, hash) } }
}

async function* through(
  pieces: AsyncIterable<Piece>,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Piece> {
  for await (const piece of pieces) {
    hash.update(piece.bytes)
    yield piece
  }
}

async function skip({ content }: FileEntry): Promise<void> {
  if (content.kind !== 'stream') return
  for await (const piece of content.pieces) void piece
}

/** A file of the tree that is made here. */
export function madeFile(path: string, content: string | Uint8Array, mode = 0o644): Entry {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const pieces = async function* () {
    if (bytes.length > 0) yield { at: 0, bytes }
  }
  return {
    kind: 'file',
    ...made(path, mode),
    size: bytes.length,
    content: { kind: 'stream', pieces: pieces() },
  }
}

/** A directory of the tree that is made here. */
export function madeDirectory(path: string, mode = 0o755): Entry {
  return { kind: 'directory', ...made(path, mode) }
}

/** A symbolic link of the tree that is made here. */
export function madeLink(path: string, target: string): Entry {
  return { kind: 'symlink', ...made(path, 0o777), target: byteString(target) }
}

function made(path: string, mode: number) {
  const mtimeNs = BigInt(Date.now()) * 1_000_000n
  return { path: byteString(path), mode, uid: 0, gid: 0, mtimeNs, xattrs: [] }
}
