/**
 * Files in tar archives: where their bytes stand, and the maps of sparse ones.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { type ByteSource, readExactly } from './bytes.ts'
import type { Attributes, Entry, Extent, Piece } from './entry.ts'
import { MemberFault } from './fault.ts'
import type { TreeLimits } from './limits.ts'
import { BLOCK } from './tar-header.ts'
import type { Member } from './tar-meta.ts'
import { paxNumber } from './tar-pax.ts'
import {
  checkExtents,
  MAX_EXTENTS,
  oldSparseExtension,
  oldSparseHeader,
  pairs,
  paxSparseMap,
} from './tar-sparse.ts'

export interface FileInput {
  readonly member: Member
  readonly attributes: Attributes
  /** The member's own header block. */
  readonly block: Uint8Array
  readonly limits: TreeLimits
  /** Adds archive and member to what goes wrong while the content is taken. */
  readonly explain: (thrown: unknown) => unknown
}

/** Yields a file, and leaves the source at the next header. @throws {MemberFault} */
export async function* readFile(source: ByteSource, input: FileInput): AsyncGenerator<Entry> {
  const { attributes, limits } = input
  const { extents, size } = await readMap(source, input)
  if (size > limits.fileBytes) throw new MemberFault(`it is over ${limits.fileBytes} bytes`)
  const stored = extents.reduce((sum, { length }) => sum + length, 0)
  const from = source.position
  if (source.seekable) {
    // Past the data first: the writer must never be sent beyond the archive's end.
    await source.skip(stored + padding(stored))
    yield { kind: 'file', ...attributes, size, content: { kind: 'slice', from, extents } }
    return
  }
  const pieces = readPieces(source, { extents, explain: input.explain })
  yield { kind: 'file', ...attributes, size, content: { kind: 'stream', pieces } }
  const left = stored - (source.position - from)
  await source.skip(left + padding(stored))
}

async function* readPieces(
  source: ByteSource,
  { extents, explain }: { extents: readonly Extent[]; explain: FileInput['explain'] },
): AsyncGenerator<Piece> {
  try {
    for (const { at, length } of extents) {
      let done = 0
      for await (const bytes of source.pieces(length)) {
        yield { at: at + done, bytes }
        done += bytes.length
      }
    }
  } catch (error) {
    throw explain(error)
  }
}

interface FileMap {
  readonly extents: readonly Extent[]
  readonly size: number
}

/** Finds out which runs of the file are stored, reading the maps that precede the data. */
async function readMap(source: ByteSource, input: FileInput): Promise<FileMap> {
  const { member, block } = input
  const said = (key: string) => member.pax.get(key)?.toString('latin1')
  const whole = { extents: [{ at: 0, length: member.size }], size: member.size }
  if (member.header.type === 'S') {
    const old = oldSparseHeader(Buffer.from(block.buffer, block.byteOffset, block.byteLength))
    const extents = [...old.extents]
    for (let more = old.extended; more;) {
      const next = oldSparseExtension(await readExactly(source, BLOCK))
      extents.push(...next.extents)
      more = next.extended
      if (extents.length > MAX_EXTENTS) throw new MemberFault('its sparse map is too long')
    }
    const { size } = old
    return { size, extents: checkExtents(extents, { size, stored: member.size }) }
  }
  const realSize = said('GNU.sparse.realsize') ?? said('GNU.sparse.size')
  if (realSize === undefined) return member.size === 0 ? { extents: [], size: 0 } : whole
  const size = paxNumber(realSize, 'real size')
  if (said('GNU.sparse.major') === '1' && said('GNU.sparse.minor') === '0') {
    const { extents, bytes } = await readMapBefore(source, member.size)
    return { size, extents: checkExtents(extents, { size, stored: member.size - bytes }) }
  }
  const extents = paxSparseMap(member.records)
  if (extents === undefined) throw new MemberFault('it is sparse in an unknown way')
  return { size, extents: checkExtents(extents, { size, stored: member.size }) }
}

/** Version 1.0: decimal lines before the data, padded to a block. */
async function readMapBefore(
  source: ByteSource,
  stored: number,
): Promise<{ readonly extents: readonly Extent[]; readonly bytes: number }> {
  let text = ''
  let bytes = 0
  for (let wanted = 1;;) {
    const lines = text.split('\n')
    if (lines.length > 1) {
      wanted = 1 + 2 * paxNumber(lines[0] ?? '', 'sparse map')
      if (wanted > 2 * MAX_EXTENTS) throw new MemberFault('its sparse map is too long')
      if (lines.length > wanted) return { extents: pairs(lines.slice(1, wanted)), bytes }
    }
    // At least two bytes a line are still to come.
    const blocks = Math.max(1, Math.ceil(((wanted - lines.length + 1) * 2) / BLOCK))
    if (bytes + blocks * BLOCK > stored) throw new MemberFault('its sparse map is cut off')
    text += (await readExactly(source, blocks * BLOCK)).toString('latin1')
    bytes += blocks * BLOCK
  }
}

/** Bytes between the end of data and the next block. */
export function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK
}
