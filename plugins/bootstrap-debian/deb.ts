/**
 * Binary packages: an ar archive of a version, control files and the tree.
 *
 * @module
 * @see deb(5)
 */
import type { Buffer } from 'node:buffer'
import { Buffer as Bytes } from 'node:buffer'
import { createReadStream, fstatSync, openSync, readSync } from 'node:fs'
import { closeSync } from 'node:fs'
import { streamSource } from '../../core/host/tree/bytes.ts'
import { type Compression, decompressStream } from '../../core/host/tree/decompress.ts'
import type { Entry } from '../../core/host/tree/entry.ts'
import { badArchive } from '../../core/host/tree/fault.ts'
import { treeLimits } from '../../core/host/tree/limits.ts'
import { readTar } from '../../core/host/tree/tar.ts'

const CONTROL_BYTES = 32 << 20
/** What a tree may unpack to: this, and so many times the package's size. */
const DATA_BYTES = 64 << 20
const DATA_FACTOR = 100

/** Where a member's bytes stand in the file. */
export interface Span {
  readonly name: string
  readonly from: number
  readonly length: number
}

export interface Deb {
  readonly path: string
  /** For messages: the package. */
  readonly label: string
  readonly control: Span
  readonly data: Span
}

const compressions: Readonly<Record<string, Compression>> = {
  '': 'none',
  '.gz': 'gzip',
  '.xz': 'xz',
  '.zst': 'zstd',
}

/**
 * Finds the parts of a package.
 *
 * @throws {VServerError} E_ARCHIVE when it is cut off or is no package
 */
export function openDeb(path: string, label: string): Deb {
  const fd = openSync(path, 'r')
  try {
    return findParts(listMembers(fd, label), { path, label, fd })
  } finally {
    closeSync(fd)
  }
}

function readAt(fd: number, at: number, length: number): Buffer {
  const buffer = Bytes.alloc(length)
  return buffer.subarray(0, readSync(fd, buffer, 0, length, at))
}

/** The members of an ar archive. @throws {VServerError} E_ARCHIVE */
export function listMembers(fd: number, label: string): readonly Span[] {
  const { size } = fstatSync(fd)
  if (readAt(fd, 0, 8).toString('latin1') !== '!<arch>\n') {
    throw badArchive(label, 'it is no Debian package')
  }
  const members: Span[] = []
  for (let at = 8; at < size;) {
    const header = readAt(fd, at, 60).toString('latin1')
    if (header.length < 60) throw badArchive(label, 'it is cut off')
    const match = /^([^ ]+?)\/? *[0-9]* *[0-9]* *[0-9]* *[0-7]* *$/.exec(header.slice(0, 48))
    const length = /^[0-9]{1,10} *$/.test(header.slice(48, 58)) ? Number(header.slice(48, 58)) : NaN
    const name = match?.[1]
    if (name === undefined || Number.isNaN(length) || header.slice(58) !== '`\n') {
      throw badArchive(label, `its member at byte ${at} is damaged`)
    }
    if (at + 60 + length > size) throw badArchive(label, `"${name}" is cut off`)
    members.push({ name, from: at + 60, length })
    if (members.length > 64) throw badArchive(label, 'it has over 64 members')
    at += 60 + length + (length % 2)
  }
  return members
}

function findParts(
  members: readonly Span[],
  { path, label, fd }: { path: string; label: string; fd: number },
): Deb {
  const known = members.filter(({ name }) => !name.startsWith('_'))
  const [version, control, data] = known
  if (version?.name !== 'debian-binary') throw badArchive(label, 'it is no Debian package')
  const format = readAt(fd, version.from, Math.min(version.length, 16)).toString('latin1')
  if (!/^2\.[0-9]+\n/.test(format)) {
    throw badArchive(label, `it is of format ${JSON.stringify(format.trim())}, not 2.0`)
  }
  if (control === undefined || !/^control\.tar(\.gz|\.xz|\.zst)?$/.test(control.name)) {
    throw badArchive(label, 'its control files are missing')
  }
  if (data === undefined || !/^data\.tar(\.gz|\.xz|\.zst)?$/.test(data.name)) {
    throw badArchive(
      label,
      data === undefined ? 'its tree is missing' : `"${data.name}" is of an unknown kind`,
    )
  }
  return { path, label, control, data }
}

/** The tar of a part, as a stream of at most so many bytes. */
async function* tarOf(deb: Deb, part: Span, most: number): AsyncGenerator<Uint8Array> {
  if (part.length === 0) throw badArchive(deb.label, `"${part.name}" is empty`)
  const compression = compressions[part.name.replace(/^(control|data)\.tar/, '')] ?? 'none'
  const input = createReadStream(deb.path, {
    start: part.from,
    end: part.from + part.length - 1,
    highWaterMark: 1 << 18,
  })
  let length = 0
  for await (const chunk of decompressStream(input, { compression, archive: deb.label })) {
    length += chunk.length
    if (length > most) {
      throw badArchive(
        deb.label,
        `"${part.name}" unpacks to over ${Math.floor(most / 2 ** 20)} MiB`,
      )
    }
    yield chunk
  }
}

/** The control files, by name. @throws {VServerError} E_ARCHIVE */
export async function readControl(deb: Deb): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>()
  const source = streamSource(tarOf(deb, deb.control, CONTROL_BYTES))
  for await (const entry of readTar(source, { archive: deb.label })) {
    if (entry.kind === 'directory' && entry.path === '') continue
    if (entry.kind !== 'file' || !/^[a-zA-Z0-9][a-zA-Z0-9._+-]*$/.test(entry.path)) {
      throw badArchive(deb.label, `control file "${entry.path}" is no file`)
    }
    const parts: Uint8Array[] = []
    if (entry.content.kind === 'stream') {
      for await (const { bytes } of entry.content.pieces) parts.push(bytes.slice())
    }
    files.set(entry.path, Bytes.concat(parts))
  }
  if (!files.has('control')) throw badArchive(deb.label, 'its control file is missing')
  return files
}

/** The members of the tree. Contents are streams. @throws {VServerError} E_ARCHIVE */
export function readData(deb: Deb): AsyncGenerator<Entry> {
  const most = DATA_BYTES + DATA_FACTOR * deb.data.length
  const limits = { ...treeLimits, members: 1_000_000, fileBytes: most }
  return readTar(streamSource(tarOf(deb, deb.data, most)), { archive: deb.label, limits })
}
