/**
 * A move out of a writable layer that is under way: what has to be put right when it is interrupted.
 *
 * @module
 */
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { layerDir, type Root } from '../host/root.ts'
import { type ByteString, byteString, toBytes } from '../host/tree/names.ts'
import { opStream } from '../host/tree/ops.ts'
import { timespecs } from '../host/tree/times.ts'
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { slot } from '../plan/abi.ts'
import { type Cell, text } from '../plan/program.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import { joinTime, type ModificationTime } from '../unify/time.ts'
import { isCode, readText, syncDirectory } from './files.ts'
import { parseMeta } from './meta.ts'
import { pendingMove } from './store.ts'

/** What is to be done when the move is interrupted. */
export interface Pending {
  readonly layer: string
  /** Those of the layer, with the times that they and those of the writable layer have. */
  readonly directories: readonly (ModificationTime & {
    readonly path: ByteString
    readonly opaque: boolean
  })[]
  /** What is moved. */
  readonly paths: readonly ByteString[]
}

/** Ops in one plan. */
export const BATCH = 4096

export const OPAQUE = 'trusted.overlay.opaque'

/**
 * Moves everything, or what is left of it. First no directory of the writable layer hides the layers below it
 * any more: the new one does.
 */
export async function moveAll(
  session: Session,
  { upper, layer, pending }: { upper: string; layer: string; pending: Pending },
): Promise<void> {
  const program = opStream(slot.FREE)
  program.step(0, 'share what is in a directory')
  for (const { path, opaque } of pending.directories) {
    if (!opaque) continue
    const ignore = [errno.ENODATA, errno.ENOENT]
    program.call('lremovexattr', [textAt(upper, path), OPAQUE], { ignore })
  }
  for (const [index, path] of pending.paths.entries()) {
    program.step(index, 'move a file into a layer')
    const [from, to] = [textAt(upper, path), textAt(layer, path)]
    const args = [k.AT_FDCWD, from, k.AT_FDCWD, to, k.RENAME_NOREPLACE]
    program.call('renameat2', args, { ignore: [errno.ENOENT] })
    if (program.count >= BATCH) await session.run(program.finish())
  }
  if (program.count > 0) await session.run(program.finish())
}

/** The text of a path in a tree. Pure. */
export function textAt(tree: string, path: ByteString): Cell {
  return text(toBytes(path === '' ? byteString(tree) : `${byteString(tree)}/${path}`))
}

/**
 * Finishes a move that was interrupted: a file with several names must not keep one in the writable layer
 * while it has another in the sealed one. Then directories get the times back that they had. The caller holds
 * the guest's lock, and the guest has not run since.
 */
export async function finishMove(
  session: Session,
  { root, dir }: { root: Root; dir: string },
): Promise<void> {
  const file = pendingMove(dir)
  const written = readText(file)
  if (written === undefined) return
  const pending = parsePending(written)
  if (pending === undefined) return renameSync(file, `${file}.damaged`)
  const { layer, directories } = pending
  const isNamed = namesLayer(dir, layer)
  if (isNamed === undefined) return
  // It died before that: nothing has moved, and the layer is garbage, if it is there at all.
  if (!isNamed) return rmSync(file)
  const place = { upper: join(dir, 'upper'), layer: layerDir(root, layer), pending }
  // Where it cannot be finished, nothing is lost, and what has names in both is left alone by `unify`.
  await moveAll(session, place).catch((error: unknown) => {
    if (!(error instanceof OpFailure)) throw error
  })
  const program = opStream(slot.FREE)
  for (const [index, { path, mtimeSec, mtimeNsec }] of directories.entries()) {
    for (const tree of [join(dir, 'upper'), layerDir(root, layer)]) {
      program.step(index, 'restore the time of a directory')
      program.call('utimensat', [
        k.AT_FDCWD,
        textAt(tree, path),
        timespecs({ mtimeNs: joinTime({ mtimeSec, mtimeNsec }) }),
        k.AT_SYMLINK_NOFOLLOW,
        // An immutable one has kept it.
      ], { ignore: [errno.ENOENT, errno.EPERM] })
    }
  }
  await session.run(program.finish())
  // All of it is on the disk before what would put it right is not.
  syncDirectory(join(dir, 'upper'))
  rmSync(file)
}

/**
 * Whether a guest's record names a layer, which is the moment from which on files can be moved to it;
 * `undefined` when the record cannot be read, which must not keep anybody from destroying the guest.
 */
function namesLayer(dir: string, layer: string): boolean | undefined {
  const record = join(dir, 'meta.json')
  try {
    return parseMeta(record, readText(record) ?? '').layers.includes(layer)
  } catch (error) {
    if (isCode(error, 'E_FORMAT')) return undefined
    throw error
  }
}

/** What was written down; `undefined` when it cannot be read, which must not keep a guest from anything. */
function parsePending(text: string): Pending | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isPending(value) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isPending(value: unknown): value is Pending {
  return typeof value === 'object' && value !== null && 'layer' in value &&
    typeof value.layer === 'string' && 'directories' in value &&
    Array.isArray(value.directories) && 'paths' in value && Array.isArray(value.paths)
}
