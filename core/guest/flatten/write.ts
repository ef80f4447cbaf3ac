/**
 * Writes a merged layer: directories are made, everything else is linked. No content is copied but where
 * the file system refuses one more link.
 *
 * @module
 */
import { linkSync, mkdirSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { Xattr } from '../../host/tree/entry.ts'
import { type ByteString, byteString, join, toBytes } from '../../host/tree/names.ts'
import { opStream } from '../../host/tree/ops.ts'
import { root as rootSlot, SLOT_COUNT, treeSlot } from '../../host/tree/slots.ts'
import { timespecs } from '../../host/tree/times.ts'
import * as k from '../../linux/constants.ts'
import { bytes, text } from '../../plan/program.ts'
import type { Session } from '../../plan/session.ts'
import { isCode } from '../files.ts'
import { copyFiles } from './copy.ts'
import type { Spot } from './lookup.ts'
import type { Merged, MergedDirectory, MergedLink } from './merge.ts'
import type { DirectoryLook, ReadLayer } from './read.ts'

export interface MergeTarget {
  /** Absolute path of the new layer, which does not exist yet. */
  readonly path: string
  /** The directory that the old layers are in. */
  readonly origin: string
  /** For what is on its way there; on the same file system, and not there yet either. */
  readonly scratch: string
  readonly signal: AbortSignal | undefined
}

/** How many links are made before others get a turn: some milliseconds. */
const TURN = 500
/** Directories of one plan. */
const BATCH = 200

/** Writes a merged layer. It lasts through a power failure when this is done. */
export async function writeMerged(
  session: Session,
  { merged, layers, target }: {
    merged: Merged
    layers: readonly ReadLayer[]
    target: MergeTarget
  },
): Promise<void> {
  const base = byteString(target.path)
  const place = (path: ByteString) => path === '' ? base : join(base, path)
  const source = ({ layer, path }: Spot) => {
    const found = layers[layer]
    if (found === undefined) throw new RangeError(`there is no layer ${layer}`)
    return join(found.path, path)
  }
  const look = ({ layer, path }: Spot): DirectoryLook => {
    const found = layers[layer]?.directories.get(path)
    if (found === undefined) throw new RangeError('a directory of a layer was not read')
    return found
  }
  let made = 0
  const step = async () => {
    if (++made % TURN !== 0) return
    target.signal?.throwIfAborted()
    await turn()
  }
  for (const { path } of merged.directories) {
    // Only root may enter it until it gets its mode; made now, it inherits nothing yet.
    mkdirSync(toBytes(place(path)), { mode: 0o700 })
    await step()
  }
  const refused: MergedLink[] = []
  for (const link of merged.links) {
    try {
      linkSync(toBytes(source(link.to)), toBytes(place(link.path)))
    } catch (error) {
      // EPERM: it is marked immutable or append-only.
      if (!isCode(error, 'EMLINK', 'EPERM')) throw error
      refused.push(link)
    }
    await step()
  }
  await makeWhiteouts(
    session,
    refused.filter(({ whiteout }) => whiteout).map(({ path }) => place(path)),
  )
  await copyFiles(session, {
    scratch: target.scratch,
    origin: target.origin,
    signal: target.signal,
    files: refused.filter(({ whiteout }) => !whiteout).map(({ path, to }) => ({
      from: source(to).slice(byteString(target.origin).length + 1),
      to: place(path),
    })),
  })
  for (let at = 0; at < merged.directories.length; at += BATCH) {
    const some = merged.directories.slice(at, at + BATCH)
    await describe(
      session,
      some.map((one) => ({ one, path: place(one.path), look: look(one.like) })),
    )
    target.signal?.throwIfAborted()
  }
  await syncFileSystem(session, base)
}

async function makeWhiteouts(session: Session, paths: readonly ByteString[]): Promise<void> {
  if (paths.length === 0) return
  const program = opStream(SLOT_COUNT)
  program.step(0, 'make whiteouts')
  for (const path of paths) {
    program.call('mknodat', [k.AT_FDCWD, text(toBytes(path)), k.S_IFCHR, 0])
  }
  await session.run(program.finish())
}

async function describe(
  session: Session,
  directories: readonly { one: MergedDirectory; path: ByteString; look: DirectoryLook }[],
): Promise<void> {
  const program = opStream(SLOT_COUNT)
  program.step(0, 'describe directories of a layer')
  for (const { one, path, look: { stat, xattrs } } of directories) {
    const name = text(toBytes(path))
    program.call('fchownat', [k.AT_FDCWD, name, Number(stat.uid), Number(stat.gid), 0])
    for (const xattr of [...xattrs, ...overlayXattrs(one)]) {
      const cell = bytes(xattr.value.length === 0 ? 1 : xattr.value, 1)
      const args = [name, text(toBytes(xattr.name)), cell, xattr.value.length, 0]
      program.call('lsetxattr', args)
    }
    program.call('fchmodat', [k.AT_FDCWD, name, Number(stat.mode & 0o7777n)])
    program.call('utimensat', [k.AT_FDCWD, name, timespecs(stat), 0])
  }
  await session.run(program.finish())
}

function overlayXattrs({ opaque, redirect }: MergedDirectory): readonly Xattr[] {
  return [
    ...(opaque ? [{ name: 'trusted.overlay.opaque', value: Buffer.from('y') }] : []),
    ...(redirect === undefined
      ? []
      : [{ name: 'trusted.overlay.redirect', value: toBytes(redirect) }]),
  ]
}

async function syncFileSystem(session: Session, path: ByteString): Promise<void> {
  const program = opStream(SLOT_COUNT)
  program.step(0, 'write a layer to disk')
  const flags = k.O_RDONLY | k.O_DIRECTORY | k.O_CLOEXEC
  program.call('openat', [k.AT_FDCWD, text(toBytes(path)), flags, 0], { out: treeSlot.ROOT })
  program.call('syncfs', [rootSlot])
  program.call('close', [rootSlot])
  await session.run(program.finish())
}
