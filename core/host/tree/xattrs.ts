/**
 * Reads xattrs of many files in few plans: one that lists the names of all, one that reads the values of
 * those that have any.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { errno } from '../../linux/errno.ts'
import { OpFailure } from '../../plan/failure.ts'
import { bytes, part, text } from '../../plan/program.ts'
import type { Session } from '../../plan/session.ts'
import type { Xattr } from './entry.ts'
import { isKeptXattr } from './kept-xattr.ts'
import { type ByteString, toBytes } from './names.ts'
import { opStream } from './ops.ts'
import { result as length, SLOT_COUNT, treeSlot } from './slots.ts'

/** The kernel's limits for a list of names and for one value (include/uapi/linux/limits.h). */
const XATTR_BYTES = 65_536

/** More than nearly every list of names: what a plan holds goes through a pipe and is zeroed. */
const LIST_BYTES = 1024

const VALUES_A_PLAN = 4096

const none: readonly Xattr[] = []
const noNames: readonly ByteString[] = []

/**
 * The xattrs that belong to a tree, of each path. Symlinks are not followed.
 *
 * @param paths absolute
 * @param isKept which ones are wanted, by name
 * @throws {OpFailure} when one is gone, or changes meanwhile; its step is the index of the path
 */
export async function readXattrs(
  session: Session,
  paths: readonly ByteString[],
  isKept: (name: ByteString) => boolean = isKeptXattr,
): Promise<readonly (readonly Xattr[])[]> {
  const all = await readLists(session, paths, LIST_BYTES).catch((error: unknown) => {
    if (!(error instanceof OpFailure) || error.errno !== errno.ERANGE) throw error
    return readLists(session, paths, XATTR_BYTES)
  })
  const lists = all.map((names) => names.filter(isKept))
  const wanted = lists.flatMap((names, index) => names.map((name) => ({ index, name })))
  const found = paths.map((): readonly Xattr[] => none)
  for (let at = 0; at < wanted.length; at += VALUES_A_PLAN) {
    const some = wanted.slice(at, at + VALUES_A_PLAN)
    const values = await readValues(
      session,
      some.map((one) => ({ ...one, path: paths[one.index] ?? '' })),
    )
    for (const [number, { index, name }] of some.entries()) {
      const value = values[number]
      if (value !== undefined) found[index] = [...(found[index] ?? none), { name, value }]
    }
  }
  return found
}

async function readLists(
  session: Session,
  paths: readonly ByteString[],
  listBytes: number,
): Promise<readonly (readonly ByteString[])[]> {
  const program = opStream(SLOT_COUNT)
  // What the kernel writes each list into.
  const scratch = bytes(listBytes)
  const lengths = bytes(8 * paths.length)
  for (const [index, path] of paths.entries()) {
    program.step(index, 'list extended attributes')
    // A file system without xattrs has none to list.
    program.call('llistxattr', [text(toBytes(path)), scratch, listBytes], {
      out: treeSlot.RESULT,
      ignore: [errno.EOPNOTSUPP],
    })
    program.put(lengths, { offset: 8 * index, width: 8 }, length)
    program.emit('REPORT', [scratch, length])
  }
  program.emit('REPORT', [lengths, lengths.bytes.length])
  const reported = Buffer.from((await session.run(program.finish())).bytes)
  let at = 0
  return paths.map((_, index) => {
    const end = at + Number(reported.readBigUInt64LE(reported.length - 8 * (paths.length - index)))
    if (end === at) return noNames
    const list = reported.toString('latin1', at, end).split('\0').filter((name) => name !== '')
    at = end
    return list
  })
}

interface Wanted {
  readonly index: number
  readonly path: ByteString
  readonly name: ByteString
}

async function readValues(session: Session, wanted: readonly Wanted[]): Promise<readonly Buffer[]> {
  if (wanted.length === 0) return []
  const program = opStream(SLOT_COUNT)
  const scratch = bytes(XATTR_BYTES)
  const lengths = bytes(8)
  for (const { index, path, name } of wanted) {
    program.step(index, 'read extended attributes')
    program.call('lgetxattr', [text(toBytes(path)), text(toBytes(name)), scratch, XATTR_BYTES], {
      out: treeSlot.RESULT,
    })
    program.put(lengths, { offset: 0, width: 8 }, length)
    program.emit('REPORT', [part(lengths, { offset: 0, length: 8 }), 8])
    program.emit('REPORT', [scratch, length])
  }
  const reported = Buffer.from((await session.run(program.finish())).bytes)
  let at = 0
  return wanted.map(() => {
    const start = at + 8
    at = start + Number(reported.readBigUInt64LE(at))
    return reported.subarray(start, at)
  })
}
