/**
 * Lists a place, each of its inodes into a ledger.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { lstatSync } from 'node:fs'
import { type ByteString, byteString, join } from '../host/tree/names.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import type { Listed } from '../unify/listed.ts'
import { listTree } from '../unify/listing.ts'
import type { Contents, Mark, Node } from './contents.ts'
import type { Ledger, Linked } from './ledger.ts'

export interface PlaceRequest {
  /** Absolute path of a directory. */
  readonly path: string
  readonly ledger: Ledger
  /** The number of the place that an entry below counts for. */
  readonly placeOf: (path: ByteString, entry: Listed | undefined) => number
  /** Paths below it that are other places. */
  readonly without: readonly ByteString[]
  /** Directories below it whose contents are other places. */
  readonly closed: readonly ByteString[]
  readonly signal: AbortSignal
}

export interface ListedPlace {
  readonly contents: Contents
  /** How much could not be looked at; what vanished meanwhile is not among it. */
  readonly unreadable: number
}

const OPAQUE = 'trusted.overlay.opaque'
const REDIRECT = 'trusted.overlay.redirect'

/** Lists a directory with all that is in it; one that is gone has nothing. */
export async function listContents(
  session: Session,
  { path: root, ledger, placeOf, without, closed, signal }: PlaceRequest,
): Promise<ListedPlace> {
  const directories = new Map<ByteString, Map<ByteString, Node>>()
  const nothing = { bytes: 0, directories, marks: new Map<ByteString, Mark>() }
  const found = lstatSync(root, { throwIfNoEntry: false })
  if (found === undefined) return { contents: nothing, unreadable: 0 }
  const { dev, ino, blocks, nlink, mode } = found
  ledger.add({ ino, blocks, nlink, mode }, { place: placeOf('', undefined), dev })
  const contents: Contents = { ...nothing, bytes: 512 * blocks }
  if (!found.isDirectory()) return { contents, unreadable: 0 }
  const enter = (path: ByteString) => !without.includes(path) && !closed.includes(path)
  const unreadable = await listTree(
    session,
    { root, enter, signal },
    (directory) => {
      const nodes = new Map<ByteString, Node>()
      directories.set(directory.path, nodes)
      for (const entry of directory.entries) {
        const path = join(directory.path, entry.name)
        if (entry.error !== 0 || without.includes(path)) continue
        const linked = ledger.add(entry, { place: placeOf(path, entry), dev })
        nodes.set(entry.name, toNode(entry, linked))
      }
    },
  )
  const lasting = unreadable.filter((one) => one.errno !== errno.ENOENT && enter(one.path))
  return { contents, unreadable: lasting.length }
}

function toNode({ mode, rdev, blocks }: Listed, linked: Linked | undefined): Node {
  const bytes = 512 * blocks
  switch (mode & k.S_IFMT) {
    case k.S_IFDIR:
      return { kind: 'directory', bytes }
    case k.S_IFCHR:
      return rdev === 0 ? { kind: 'whiteout' } : { kind: 'file', bytes, linked }
    default:
      return { kind: 'file', bytes, linked }
  }
}

/** Paths in one plan. */
const BATCH = 1024

/** What overlayfs says of the directories of a layer that may lie over others. */
export async function readMarks(
  session: Session,
  { path, contents }: { path: string; contents: Contents },
): Promise<Contents> {
  const marks = new Map<ByteString, Mark>()
  const paths = [...contents.directories.keys()].filter((one) => one !== '')
  for (let from = 0; from < paths.length; from += BATCH) {
    await readSome(session, {
      root: byteString(path),
      paths: paths.slice(from, from + BATCH),
      marks,
    })
  }
  return { ...contents, marks }
}

/** A running guest may remove directories meanwhile: then the others are asked in smaller parts. */
async function readSome(
  session: Session,
  { root, paths, marks }: {
    root: ByteString
    paths: readonly ByteString[]
    marks: Map<ByteString, Mark>
  },
): Promise<void> {
  try {
    const absolute = paths.map((path) => join(root, path))
    const all = await readXattrs(session, absolute, (name) => name === OPAQUE || name === REDIRECT)
    for (const [i, xattrs] of all.entries()) {
      const value = (wanted: string) => xattrs.find(({ name }) => name === wanted)?.value
      const redirect = value(REDIRECT)
      const mark: Mark = {
        opaque: textOf(value(OPAQUE)) === 'y',
        redirect: redirect === undefined ? undefined : textOf(redirect),
      }
      if (mark.opaque || mark.redirect !== undefined) marks.set(paths[i] ?? '', mark)
    }
  } catch (error) {
    if (!(error instanceof OpFailure)) throw error
    if (paths.length === 1) return
    const middle = paths.length >> 1
    await readSome(session, { root, paths: paths.slice(0, middle), marks })
    await readSome(session, { root, paths: paths.slice(middle), marks })
  }
}

function textOf(value: Uint8Array = new Uint8Array()): ByteString {
  return Buffer.from(value).toString('latin1')
}
