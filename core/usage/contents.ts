/**
 * What is in a tree, as far as it takes to find out what a guest sees of it. Types only.
 *
 * @module
 */
import type { ByteString } from '../host/tree/names.ts'
import type { Linked } from './ledger.ts'

/** A name. `linked`: the inode, when it may have several. */
export type Node =
  | { readonly kind: 'file'; readonly bytes: number; readonly linked: Linked | undefined }
  | { readonly kind: 'directory'; readonly bytes: number }
  /** Hides the name in the trees below. */
  | { readonly kind: 'whiteout' }

/** What overlayfs says of a directory. */
export interface Mark {
  /** It hides what the trees below have in its place. */
  readonly opaque: boolean
  /** Where the trees below have it: a name in the same directory, or a path from the root with a slash. */
  readonly redirect: ByteString | undefined
}

export interface Contents {
  /** Of the root directory. */
  readonly bytes: number
  /** By the path below the root, which is the empty path. */
  readonly directories: ReadonlyMap<ByteString, ReadonlyMap<ByteString, Node>>
  /** By the path of the directory. */
  readonly marks: ReadonlyMap<ByteString, Mark>
}
