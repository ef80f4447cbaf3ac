/**
 * What a layer holds, as far as merging layers depends on it. Pure.
 *
 * @module
 */
import { type ByteString, nameOf, parentOf } from '../../host/tree/names.ts'

/** One name in a layer. */
export type LayerNode =
  /** There is nothing here, whatever layers below say. */
  | { readonly kind: 'whiteout' }
  | {
    readonly kind: 'directory'
    /** `trusted.overlay.opaque` is `y`: nothing of layers below shows through. */
    readonly opaque: boolean
    /** `trusted.overlay.redirect`: where layers below have it, a name beside it or an absolute path. */
    readonly redirect: ByteString | undefined
  }
  /** Anything else: it hides what layers below have, and is taken as it is. */
  | { readonly kind: 'other' }

/** A layer's names. The layer's root, the empty path, is a directory. */
export interface Listing {
  node(path: ByteString): LayerNode | undefined
  /** Names in a directory; none where there is no directory. */
  names(directory: ByteString): readonly ByteString[]
}

/** Makes a listing of paths, in which parents may come in any order. The root need not be given. */
export function listing(nodes: ReadonlyMap<ByteString, LayerNode>): Listing {
  const below = new Map<ByteString, ByteString[]>()
  for (const path of nodes.keys()) {
    if (path === '') continue
    const parent = parentOf(path)
    const names = below.get(parent)
    if (names === undefined) below.set(parent, [nameOf(path)])
    else names.push(nameOf(path))
  }
  return { node: (path) => nodes.get(path), names: (directory) => below.get(directory) ?? [] }
}
