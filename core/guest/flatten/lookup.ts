/**
 * How overlayfs finds a name in a stack of lower layers, whiteouts, opaque and redirected directories
 * included. The steps are those of `ovl_lookup`, `ovl_lookup_layer`, `ovl_lookup_single` and
 * `ovl_check_redirect` (fs/overlayfs/namei.c), with `redirect_dir=on` and `metacopy=off`. Pure.
 *
 * @module
 */
import { type ByteString, join } from '../../host/tree/names.ts'
import type { LayerNode, Listing } from './listing.ts'

/** A path in one of the layers, which are numbered from the top. */
export interface Spot {
  readonly layer: number
  readonly path: ByteString
}

/** A directory as it is seen: what it is made of. */
export interface SeenDirectory {
  /** Top first; each layer at most once. */
  readonly stack: readonly Spot[]
  /** The directory of the template that shows through; `undefined` where none does. */
  readonly template: ByteString | undefined
}

/** What the template, the lowest of all, has at a path. A whiteout there is nothing. */
export type TemplateKind = 'directory' | 'other' | 'none'

/** Layers over a template. */
export interface Stack {
  readonly layers: readonly Listing[]
  /** Follows no links; below what is no directory there is nothing. */
  readonly template: (path: ByteString) => TemplateKind
}

export type Found =
  | { readonly kind: 'directory'; readonly seen: SeenDirectory }
  | { readonly kind: 'other'; readonly at: Spot }
  /** A whiteout hides it. */
  | { readonly kind: 'hidden'; readonly at: Spot }
  /** No layer has it; the template may. */
  | { readonly kind: 'absent' }

/** What is carried from layer to layer. */
interface Search {
  /** A name in the parent, or an absolute path once a redirect has led there. */
  name: ByteString
  isDirectory: boolean
  stop: boolean
  whiteout: Spot | undefined
}

/** Looks up a name in a directory. */
export function lookUp(
  { layers, template }: Stack,
  parent: SeenDirectory,
  name: ByteString,
): Found {
  const search: Search = { name, isDirectory: false, stop: false, whiteout: undefined }
  const found: Spot[] = []
  let other: Spot | undefined
  let fromRoot = false
  for (let next = 0; !search.stop;) {
    // A redirect to an absolute path goes on in the roots of the layers that are left.
    const base = fromRoot
      ? next < layers.length ? { layer: next, path: '' } : undefined
      : parent.stack.find(({ layer }) => layer >= next)
    if (base === undefined) break
    next = base.layer + 1
    const hit = lookInLayer(layers[base.layer], { base, search })
    if (hit === undefined) continue
    if (hit.node.kind === 'other') {
      other = hit.at
      break
    }
    found.push(hit.at)
    fromRoot ||= search.name.startsWith('/')
  }
  if (other !== undefined) return { kind: 'other', at: other }
  if (found.length === 0) {
    return search.whiteout === undefined
      ? { kind: 'absent' }
      : { kind: 'hidden', at: search.whiteout }
  }
  const path = search.stop ? undefined : templatePath(search.name, parent)
  const shows = path !== undefined && template(path) === 'directory'
  return { kind: 'directory', seen: { stack: found, template: shows ? path : undefined } }
}

/** Where the search would go on in the template. */
function templatePath(name: ByteString, parent: SeenDirectory): ByteString | undefined {
  if (name.startsWith('/')) return name.slice(1)
  return parent.template === undefined ? undefined : join(parent.template, name)
}

interface Hit {
  readonly at: Spot
  readonly node: LayerNode
}

function lookInLayer(
  layer: Listing | undefined,
  { base, search }: { base: Spot; search: Search },
): Hit | undefined {
  if (layer === undefined) return undefined
  const element = (directory: Spot, range: { from: number; to: number }) =>
    lookAtElement(layer, { directory, range, search })
  if (!search.name.startsWith('/')) {
    return element(base, { from: 0, to: search.name.length })
  }
  // Counted from the end: a redirect on the way replaces what lies before.
  let rest = search.name.length - 1
  for (let directory = base;;) {
    const from = search.name.length - rest
    const slash = search.name.indexOf('/', from)
    const to = slash === -1 ? search.name.length : slash
    rest -= to - from + 1
    const hit = element(directory, { from, to })
    if (hit === undefined || slash === -1) return hit
    directory = hit.at
  }
}

/** Looks at one element of the searched name, in one directory of one layer. */
function lookAtElement(
  layer: Listing,
  { directory, range: { from, to }, search }: {
    directory: Spot
    range: { from: number; to: number }
    search: Search
  },
): Hit | undefined {
  const { name } = search
  const rest = name.slice(to)
  const path = join(directory.path, name.slice(from, to))
  const node = layer.node(path)
  if (node === undefined) return undefined
  const at = { layer: directory.layer, path }
  if (node.kind === 'whiteout') {
    search.stop = true
    search.whiteout = at
    return undefined
  }
  if (node.kind === 'other') {
    search.stop = true
    return search.isDirectory || rest !== '' ? undefined : { at, node }
  }
  if (rest === '') search.isDirectory = true
  if (node.opaque) search.stop = true
  else if (node.redirect !== undefined) {
    const absolute = node.redirect.startsWith('/')
    // An opaque directory above does not keep an absolute redirect from leading on.
    if (absolute) search.stop = false
    search.name = `${absolute ? '' : name.slice(0, from)}${node.redirect}${rest}`
  }
  return { at, node }
}
