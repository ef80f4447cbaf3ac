/**
 * A package as an index describes it. Types only.
 *
 * @module
 */
import type { Group, Relation } from './relation.ts'

export interface IndexPackage {
  readonly name: string
  readonly version: string
  /** `all` for packages without machine code. */
  readonly architecture: string
  readonly essential: boolean
  readonly priority: string
  readonly multiArch: string
  readonly url: string
  /** SHA-256 of the file, 64 hex digits. */
  readonly digest: string
  /** Bytes of the file. */
  readonly size: number
  /** KiB that it says to need when it is unpacked. */
  readonly installedKiB: number
  readonly preDepends: readonly Group[]
  readonly depends: readonly Group[]
  readonly conflicts: readonly Group[]
  readonly breaks: readonly Group[]
  readonly provides: readonly Relation[]
}
