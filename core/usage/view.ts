/**
 * What a guest sees of the trees that its root is laid over: each inode once. Pure.
 *
 * Names are looked up as the kernel does it (fs/overlayfs/namei.c, `ovl_lookup`), for trees that are mounted
 * with `redirect_dir=on,metacopy=off`.
 *
 * @module
 */
import { type ByteString, join } from '../host/tree/names.ts'
import type { Contents, Mark, Node } from './contents.ts'
import type { Amount, Linked } from './ledger.ts'

/** Sums of parts that many guests see alike, by tree and path. They live as long as the map. */
export type KnownParts = WeakMap<Contents, Map<ByteString, Part>>

interface Part {
  bytes: number
  inodes: number
  readonly linked: Linked[]
}

/** A directory of one of the trees. */
interface Source {
  readonly tree: number
  readonly path: ByteString
}

interface Seen {
  /** As the topmost tree that has it says. */
  readonly node: Node
  /** Directories that are merged, the topmost first; none for a file. */
  readonly sources: readonly Source[]
}

/** @param trees the topmost first, the template last */
export function seenIn(trees: readonly Contents[], known: KnownParts): Amount {
  const [top] = trees
  if (top === undefined) return { bytes: 0, inodes: 0 }
  const part: Part = { bytes: top.bytes, inodes: 1, linked: [] }
  const once = new Set<Linked>()
  addMerged(trees.map((_, tree) => ({ tree, path: '' })))
  for (const { bytes } of once) part.bytes += bytes
  return { bytes: part.bytes, inodes: part.inodes + once.size }

  function addMerged(sources: readonly Source[]): void {
    const [first] = sources
    if (first === undefined) return
    const tree = trees[first.tree]
    if (sources.length === 1 && tree !== undefined && isPlain(tree, first.tree)) {
      const plain = plainPart(tree, first.path, known)
      part.bytes += plain.bytes
      part.inodes += plain.inodes
      for (const one of plain.linked) once.add(one)
      return
    }
    for (const name of namesIn(sources)) {
      const seen = look(trees, { name, sources })
      if (seen === undefined) continue
      const { node } = seen
      if (node.kind === 'file' && node.linked !== undefined) once.add(node.linked)
      else if (node.kind !== 'whiteout') {
        part.bytes += node.bytes
        part.inodes++
      }
      addMerged(seen.sources)
    }
  }

  /** Nothing in it leads to other trees. */
  function isPlain({ marks }: Contents, tree: number): boolean {
    if (tree === trees.length - 1) return true
    return [...marks.values()].every(({ redirect }) => redirect === undefined)
  }

  function namesIn(sources: readonly Source[]): ReadonlySet<ByteString> {
    const names = new Set<ByteString>()
    for (const { tree, path } of sources) {
      for (const name of trees[tree]?.directories.get(path)?.keys() ?? []) names.add(name)
    }
    return names
  }
}

/** What is below a directory of one tree. */
function plainPart(tree: Contents, path: ByteString, known: KnownParts): Part {
  let parts = known.get(tree)
  if (parts === undefined) known.set(tree, parts = new Map())
  const found = parts.get(path)
  if (found !== undefined) return found
  const part: Part = { bytes: 0, inodes: 0, linked: [] }
  const add = (directory: ByteString) => {
    for (const [name, node] of tree.directories.get(directory) ?? []) {
      if (node.kind === 'whiteout') continue
      if (node.kind === 'file' && node.linked !== undefined) part.linked.push(node.linked)
      else {
        part.bytes += node.bytes
        part.inodes++
      }
      if (node.kind === 'directory') add(join(directory, name))
    }
  }
  add(path)
  parts.set(path, part)
  return part
}

/** The state of a look-up: `struct ovl_lookup_data`. */
interface Lookup {
  /** A name; or an absolute path, after a redirect. */
  name: ByteString
  isDirectory: boolean
  stop: boolean
}

function look(
  trees: readonly Contents[],
  { name, sources }: { name: ByteString; sources: readonly Source[] },
): Seen | undefined {
  const state: Lookup = { name, isDirectory: false, stop: false }
  const found: Source[] = []
  let top: Node | undefined
  let places = sources
  for (let i = 0; i < places.length && !state.stop; i++) {
    const place = places[i]
    if (place === undefined) break
    const wasAbsolute = state.name.startsWith('/')
    const one = lookInTree(trees, { state, place })
    if (one === undefined) continue
    top ??= one.node
    if (one.node.kind === 'directory') found.push(one.source)
    if (wasAbsolute || !state.name.startsWith('/')) continue
    // From here on every tree below is asked, whether or not it has the parent directory.
    places = trees.map((_, tree) => ({ tree, path: '' }))
    i = place.tree
  }
  return top === undefined ? undefined : { node: top, sources: found }
}

/** `ovl_lookup_layer`: all components of the name, in one tree. */
function lookInTree(
  trees: readonly Contents[],
  { state, place }: { state: Lookup; place: Source },
): { readonly node: Node; readonly source: Source } | undefined {
  const absolute = state.name.startsWith('/')
  const parts = absolute ? state.name.slice(1).split('/') : [state.name]
  const tree = trees[place.tree]
  const isBottom = place.tree === trees.length - 1
  let path = absolute ? '' : place.path
  for (const [i, component] of parts.entries()) {
    const isLast = i === parts.length - 1
    const node = tree?.directories.get(path)?.get(component)
    path = join(path, component)
    if (node === undefined) return undefined
    if (node.kind === 'whiteout' || (node.kind === 'file' && (state.isDirectory || !isLast))) {
      state.stop = true
      return undefined
    }
    if (node.kind === 'file') state.stop = true
    else {
      if (isLast) state.isDirectory = true
      const mark = isBottom ? undefined : tree?.marks.get(path)
      if (mark !== undefined) heed(mark, { state, rest: parts.slice(i + 1) })
    }
    if (isLast) return { node, source: { tree: place.tree, path } }
  }
  return undefined
}

/** `ovl_check_redirect`: how the trees below are asked. `rest`: components that are still to come. */
function heed(
  { opaque, redirect }: Mark,
  { state, rest }: { state: Lookup; rest: readonly ByteString[] },
): void {
  if (opaque) {
    state.stop = true
    return
  }
  if (redirect === undefined) return
  const after = rest.map((one) => `/${one}`).join('')
  if (redirect.startsWith('/')) {
    state.stop = false
    state.name = `${redirect}${after}`
    return
  }
  const own = state.name.slice(0, state.name.length - after.length)
  state.name = `${own.slice(0, own.lastIndexOf('/') + 1)}${redirect}${after}`
}
