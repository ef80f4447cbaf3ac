/**
 * Reads tar archives: ustar, pax, GNU and the old form, sparse files included. Names and xattrs are
 * bytes from end to end. Says what stands in the archive; whether a member may be written where it
 * wants to is for the writer to decide.
 *
 * @module
 */
import { type ByteSource, readExactly } from './bytes.ts'
import type { Attributes, Entry } from './entry.ts'
import { inArchive, MemberFault } from './fault.ts'
import { type TreeLimits, treeLimits } from './limits.ts'
import { type ByteString, normalise, PATH_BYTES } from './names.ts'
import { type FileInput, padding, readFile } from './tar-file.ts'
import { BLOCK, checksumFits, type Header, isZero, parseHeader } from './tar-header.ts'
import { applyPrelude, type Member, type Prelude } from './tar-meta.ts'
import { parsePax } from './tar-pax.ts'

export interface TarOptions {
  /** What messages call the archive. */
  readonly archive: string
  readonly limits?: TreeLimits
}

const nothing: Prelude = { global: [], local: [], longName: undefined, longLink: undefined }

/**
 * Reads an archive to its end, and what follows it (so that a compressed one is checked whole).
 * A file's content must be taken before the next member is asked for; what is not taken is skipped.
 *
 * @throws {VServerError} E_ARCHIVE naming the archive, the member and what is wrong with it
 */
export async function* readTar(source: ByteSource, options: TarOptions): AsyncGenerator<Entry> {
  const { archive, limits = treeLimits } = options
  let prelude = nothing
  let member: ByteString | undefined
  try {
    for (let first = true;; first = false) {
      member = undefined
      const block = await source.read(BLOCK)
      if (block.length === 0) throw new MemberFault(first ? 'it is empty' : 'its end is missing')
      if (block.length < BLOCK) {
        throw new MemberFault(first ? 'it is no tar archive' : 'it is cut off')
      }
      if (isZero(block)) break
      if (!checksumFits(block)) {
        throw new MemberFault(
          first ? 'it is no tar archive' : `it is damaged at byte ${source.position - BLOCK}`,
        )
      }
      member = block.toString('latin1', 0, 100).replace(/\0[^]*/, '')
      const header = parseHeader(block)
      const before = await readPrelude(source, { header, prelude, limits })
      if (before !== undefined) {
        prelude = before
        continue
      }
      const described = applyPrelude(header, prelude)
      member = described.name
      prelude = { ...nothing, global: prelude.global }
      const { name } = described
      const explain = (thrown: unknown) => inArchive(thrown, { archive, member: name })
      yield* readMember(source, { member: described, block, limits, explain })
    }
    await drain(source, limits)
  } catch (error) {
    throw inArchive(error, { archive, member })
  }
}

/** Reads a header that describes the next member; undefined when this one is a member itself. */
async function readPrelude(
  source: ByteSource,
  { header, prelude, limits }: { header: Header; prelude: Prelude; limits: TreeLimits },
): Promise<Prelude | undefined> {
  if (!'xXgLKV'.includes(header.type) || header.type === '') return undefined
  const isName = header.type === 'L' || header.type === 'K'
  const most = isName ? PATH_BYTES + 1 : limits.headerBytes
  if (header.size > most) throw new MemberFault(`its extended header is over ${most} bytes`)
  const data = await readExactly(source, header.size)
  await source.skip(padding(header.size))
  const name = data.toString('latin1').replace(/\0[^]*/, '')
  switch (header.type) {
    case 'L':
      return { ...prelude, longName: name }
    case 'K':
      return { ...prelude, longLink: name }
    case 'g': {
      const global = [...prelude.global, ...parsePax(data)]
      const bytes = global.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
      if (bytes > limits.headerBytes) {
        throw new MemberFault(`the global headers are over ${limits.headerBytes} bytes`)
      }
      return { ...prelude, global }
    }
    case 'V':
      return prelude
    default:
      return { ...prelude, local: parsePax(data) }
  }
}

/** Yields the member, and leaves the source at the next header. */
async function* readMember(
  source: ByteSource,
  input: Omit<FileInput, 'attributes'>,
): AsyncGenerator<Entry> {
  const { member, limits } = input
  const { header } = member
  const attributes = attributesOf(member, limits)
  const { path } = attributes
  switch (header.type) {
    case '\0':
    case '0':
    case '7':
    case 'S':
      if (member.name.endsWith('/')) break
      yield* readFile(source, { ...input, attributes })
      return
    case '1':
      yield { kind: 'hardlink', path, target: linkTarget(member) }
      return
    case '2':
      if (member.link === '') throw new MemberFault('it is a symlink to nothing')
      if (member.link.length > PATH_BYTES || member.link.includes('\0')) {
        throw new MemberFault('it is a symlink to something that is no path')
      }
      yield { kind: 'symlink', ...attributes, target: member.link }
      return
    case '3':
    case '4':
    case '6': {
      const kind = header.type === '3' ? 'char' : header.type === '4' ? 'block' : 'fifo'
      yield { kind, ...attributes, major: header.major, minor: header.minor }
      return
    }
    case '5':
      break
    case 'D':
      await source.skip(member.size + padding(member.size))
      break
    default:
      throw new MemberFault(`it is of an unknown type (${JSON.stringify(header.type)})`)
  }
  yield { kind: 'directory', ...attributes }
}

function attributesOf(member: Member, limits: TreeLimits): Attributes {
  const place = normalise(member.name)
  if ('bad' in place) throw new MemberFault(place.bad)
  if (place.path.split('/').length > limits.depth) {
    throw new MemberFault(`it lies over ${limits.depth} directories deep`)
  }
  const { uid, gid, mtimeNs, xattrs, acls } = member
  return { path: place.path, mode: member.header.mode, uid, gid, mtimeNs, xattrs, acls }
}

function linkTarget(member: Member): ByteString {
  const place = normalise(member.link)
  if ('bad' in place) {
    throw new MemberFault(
      `it is a hard link to something outside: ${place.bad.replace('its', 'the')}`,
    )
  }
  return place.path
}

async function drain(source: ByteSource, limits: TreeLimits): Promise<void> {
  if (source.seekable) return
  for (let left = limits.trailingBytes; left > 0;) {
    const bytes = await source.read(Math.min(left, 1 << 16))
    if (bytes.length === 0) return
    left -= bytes.length
  }
  throw new MemberFault(`over ${limits.trailingBytes} bytes follow its end`)
}
