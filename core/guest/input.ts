/**
 * What the compiler is given of a guest, and what it gives back. Types only.
 *
 * @module
 */
import type { GuestConfig } from './config.ts'

/** Everything about a guest that its plans are made from. */
export interface GuestInput {
  readonly name: string
  readonly root: { readonly digest6: string; readonly lib: string; readonly run: string }
  /** Defaults applied. */
  readonly config: GuestConfig
  readonly ids: { readonly first: number; readonly count: number }
  /** Absolute directories, top first: layers, then the template. */
  readonly lowers: readonly string[]
  readonly upper: string
  readonly work: string
  /** As it is called inside; found in the guest's tree by `core/guest/init.ts`. */
  readonly init: { readonly path: string; readonly args: readonly string[] }
}
