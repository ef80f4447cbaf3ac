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
import type { Session } from '../plan/session.ts'
import { joinTime, type ModificationTime } from '../unify/time.ts'
import { readText, syncDirectory } from './files.ts'
import { pendingMove } from './store.ts'

/** What is to be done when the move is interrupted: directories get their times back. */
export interface Pending {
  readonly layer: string
  readonly directories: readonly (ModificationTime & { readonly path: ByteString })[]
}

/** The text of a path in a tree. Pure. */
export function textAt(tree: string, path: ByteString): Cell {
  return text(toBytes(path === '' ? byteString(tree) : `${byteString(tree)}/${path}`))
}

/**
 * Finishes a move, also one that was interrupted: directories get the times back that they had. The caller
 * holds the guest's lock.
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
  const program = opStream(slot.FREE)
  for (const [index, { path, ...time }] of directories.entries()) {
    for (const tree of [join(dir, 'upper'), layerDir(root, layer)]) {
      program.step(index, 'restore the time of a directory')
      program.call('utimensat', [
        k.AT_FDCWD,
        textAt(tree, path),
        timespecs({ mtimeNs: joinTime(time) }),
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
    typeof value.layer === 'string' && 'directories' in value && Array.isArray(value.directories)
}
