/**
 * Open directories below a root: a small cache of descriptors in slots, so that a directory is looked
 * up once for all that is made in it. Each is opened beneath the root without following any link or
 * crossing a mount, so that no change of the tree, however timed, leads out of it.
 *
 * @module
 */
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../linux/constants.ts'
import { type Arg, bytes, text } from '../../plan/program.ts'
import { openHow } from '../../linux/structs.ts'
import { type ByteString, toBytes } from './names.ts'
import type { Ops } from './ops.ts'

const how = bytes(openHow.encode({
  flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
  resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
}))

/** Emits the opening of a directory below `root` into a slot. */
export function openBelow(
  program: Ops,
  { root, path, slot }: { root: Arg; path: ByteString; slot: number },
): void {
  program.call('openat2', [root, text(toBytes(path)), how, how.bytes.length], { out: slot })
}

export interface DirectoryCache {
  /** The descriptor of a directory. Emits what is needed to have it; the last two stay valid. */
  use(program: Ops, path: ByteString): Arg
  /** Closes what is open at or below a path that is about to be replaced. */
  forget(program: Ops, path: ByteString): void
  /** Closes all. */
  close(program: Ops): void
}

/** Keeps the directories used last open, in `count` slots from `first` on. */
export function directoryCache(
  root: Arg,
  { first, count }: { first: number; count: number },
): DirectoryCache {
  // Least recently used first: a Map keeps the order of insertion.
  const open = new Map<ByteString, Arg & { kind: 'slot' }>()
  const free = Array.from({ length: count }, (_, index) => first + count - 1 - index)
  const drop = (program: Ops, path: ByteString, held: Arg & { kind: 'slot' }) => {
    program.call('close', [held])
    open.delete(path)
    free.push(held.slot)
  }
  return {
    use(program, path) {
      if (path === '') return root
      const held = open.get(path)
      if (held !== undefined) {
        open.delete(path)
        open.set(path, held)
        return held
      }
      const [oldest] = open
      if (free.length === 0 && oldest !== undefined) drop(program, ...oldest)
      const slot = free.pop()
      if (slot === undefined) throw new RangeError('a cache of no directories')
      openBelow(program, { root, path, slot })
      const fresh = { kind: 'slot', slot } as const
      open.set(path, fresh)
      return fresh
    },
    forget(program, path) {
      for (const [name, held] of [...open]) {
        if (name === path || name.startsWith(`${path}/`)) drop(program, name, held)
      }
    },
    close(program) {
      for (const [name, held] of [...open]) drop(program, name, held)
    },
  }
}
