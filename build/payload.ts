/**
 * Layout of the single file, as `core/executor/payload.h` describes it. Pure.
 *
 * @module
 */
import { createHash } from 'node:crypto'

/** Size of the trailer, which is the last thing in the file. */
export const TRAILER_BYTES = 128

/** Text in front of the build id in the executor. */
export const BUILD_MARKER = 'VSERVER-BUILD-ID'

const TRAILER_MAGIC = 'VSTRAIL1'
const ENTRY_BYTES = 80
const NAME_BYTES = 48
const FILES_MAX = 32
const BUILD_BYTES = 32

/** A file of the runtime. */
export interface Carried {
  readonly name: string
  readonly mode: number
  /** Size before compression. */
  readonly size: number
  /** zstd frames. */
  readonly packed: Uint8Array
}

/**
 * Writes a build id into a copy of an executor.
 *
 * @throws {Error} when the executor does not hold exactly one place for it
 */
export function withBuild(executor: Uint8Array, build: Uint8Array): Uint8Array {
  if (build.length !== BUILD_BYTES) throw new RangeError(`a build id has ${BUILD_BYTES} bytes`)
  const copy = Buffer.from(executor)
  const at = copy.indexOf(BUILD_MARKER)
  if (at < 0 || copy.indexOf(BUILD_MARKER, at + 1) >= 0) {
    throw new Error(`the executor must hold the text ${BUILD_MARKER} once`)
  }
  copy.set(build, at + BUILD_MARKER.length)
  return copy
}

/** Digest of named parts, independent of their order. */
export function buildId(parts: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const hash = createHash('sha256')
  for (const [name, content] of [...parts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0`).update(createHash('sha256').update(content).digest())
  }
  return hash.digest()
}

/**
 * Puts the single file together: executor, unpacker, table, packed files, trailer.
 *
 * @throws {RangeError} when there are too many files or a name is too long
 */
export function assemble(parts: {
  readonly executor: Uint8Array
  readonly unpacker: Uint8Array
  readonly files: readonly Carried[]
  readonly build: Uint8Array
}): Uint8Array {
  const { executor, unpacker, files, build } = parts
  if (files.length > FILES_MAX) throw new RangeError(`at most ${FILES_MAX} files can be carried`)
  const unpackerOffset = executor.length
  const tableOffset = unpackerOffset + unpacker.length
  const table = Buffer.alloc(files.length * ENTRY_BYTES)
  let offset = tableOffset + table.length
  for (const [index, { name, mode, size, packed }] of files.entries()) {
    const at = index * ENTRY_BYTES
    if (Buffer.byteLength(name) >= NAME_BYTES) throw new RangeError(`the name ${name} is too long`)
    table.write(name, at)
    table.writeBigUInt64LE(BigInt(offset), at + 48)
    table.writeBigUInt64LE(BigInt(packed.length), at + 56)
    table.writeBigUInt64LE(BigInt(size), at + 64)
    table.writeUInt32LE(mode, at + 72)
    offset += packed.length
  }
  const body = [executor, unpacker, table, ...files.map(({ packed }) => packed)]
  const digest = createHash('sha256')
  for (const part of body) digest.update(part)

  const trailer = Buffer.alloc(TRAILER_BYTES)
  trailer.write(TRAILER_MAGIC, 0)
  trailer.writeBigUInt64LE(BigInt(offset + TRAILER_BYTES), 8)
  trailer.writeBigUInt64LE(BigInt(executor.length), 16)
  trailer.writeBigUInt64LE(BigInt(unpackerOffset), 24)
  trailer.writeBigUInt64LE(BigInt(unpacker.length), 32)
  trailer.writeBigUInt64LE(BigInt(tableOffset), 40)
  trailer.writeUInt32LE(files.length, 48)
  trailer.writeBigUInt64LE(BigInt(files.reduce((sum, { size }) => sum + size, executor.length)), 56)
  trailer.set(build, 64)
  trailer.set(digest.digest(), 96)
  return Buffer.concat([...body, trailer])
}
