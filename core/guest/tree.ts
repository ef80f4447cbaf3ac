/**
 * Looks into a guest's tree from outside: over its layers, and never out of it, wherever links point.
 *
 * Whiteouts of overlayfs are honoured. Opaque and redirected directories are not told apart: a file found
 * only through one of those is a file that exec then does not find, with a clear message.
 *
 * @module
 */
import { closeSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs'
import { join } from 'node:path'

/** What a path inside leads to. */
export interface Found {
  /** Path inside, without links. */
  readonly path: string
  /** Where that is on the host. */
  readonly host: string
  readonly stats: Stats
}

/** Links that one path may lead through, as in the kernel. */
const LINKS_MAX = 40

/** A tree: absolute directories, top first. `seen`, where given, gets every path that was looked at. */
export interface Tree {
  readonly layers: readonly string[]
  readonly seen?: Set<string>
}

/**
 * Resolves a path inside a tree.
 *
 * @returns `undefined` when there is nothing, or a link leads in circles
 */
export function resolveInTree(tree: Tree, path: string): Found | undefined {
  const pending = path.split('/').filter((part) => part !== '' && part !== '.').toReversed()
  let here: string[] = []
  let links = 0
  for (;;) {
    const part = pending.pop()
    if (part === undefined) return look(tree, here)
    if (part === '..') {
      here = here.slice(0, -1)
      continue
    }
    const next = [...here, part]
    const found = look(tree, next)
    if (found === undefined) return undefined
    if (!found.stats.isSymbolicLink()) {
      here = next
      continue
    }
    if (++links > LINKS_MAX) return undefined
    const target = readlinkSync(found.host)
    // An absolute target starts at the tree's own root.
    if (target.startsWith('/')) here = []
    pending.push(...target.split('/').filter((one) => one !== '' && one !== '.').toReversed())
  }
}

/** The topmost entry of a path whose parents are no links. */
function look({ layers, seen }: Tree, parts: readonly string[]): Found | undefined {
  const path = `/${parts.join('/')}`
  for (const layer of layers) {
    if (hidden(layer, parts)) return undefined
    const host = join(layer, path)
    seen?.add(host)
    const stats = lstat(host)
    if (stats === undefined) continue
    return isWhiteout(stats) ? undefined : { path, host, stats }
  }
  return undefined
}

/** Whether a parent of the path is no directory in this layer: it hides whatever lies below. */
function hidden(layer: string, parts: readonly string[]): boolean {
  for (let length = 1; length < parts.length; length++) {
    const stats = lstat(join(layer, ...parts.slice(0, length)))
    if (stats === undefined) return false
    if (!stats.isDirectory()) return true
  }
  return false
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0
}

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined
    throw error
  }
}

/** The first bytes of a regular file. */
export function readHead(found: Found, length: number): Buffer {
  if (!found.stats.isFile()) return Buffer.alloc(0)
  const fd = openSync(found.host, 'r')
  try {
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, readSync(fd, buffer, 0, length, 0))
  } finally {
    closeSync(fd)
  }
}
