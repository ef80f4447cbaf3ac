/**
 * What the plans of a guest are made from. Types only.
 *
 * @module
 */
import type { CgroupHost } from '../cgroup/layout.ts'
import type { Plan } from '../plan/program.ts'
import type { Step } from './step.ts'

/** One extra mount, as configured. */
export interface GuestMount {
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
}

/** One guest. */
export interface GuestInput {
  readonly name: string
  /** Six hex digits of the root, part of every name outside the file system. */
  readonly digest6: string
  readonly hostname: string
  readonly ids: { readonly first: number; readonly count: number }
  /** Absolute directories, top first: layers, then the template. */
  readonly lowers: readonly string[]
  /** Directory that holds `upper` and `work`. */
  readonly writable: string
  readonly mounts: readonly GuestMount[]
  readonly init: { readonly path: string; readonly args: readonly string[] }
  /** `KEY=VALUE`, added to what every init gets. */
  readonly env: readonly string[]
  /** Steps of the network mode, and whether the guest has a network namespace of its own. */
  readonly network: { readonly own: boolean; readonly steps: readonly Step[] }
}

/** What the host is like, as probed. Everything in it may change only with a reboot. */
export interface Facts {
  readonly cgroup: CgroupHost
  /** Permitted capabilities of the host's root. */
  readonly capabilities: bigint
  readonly lastCapability: number
  /** Hard resource limits of the caller, by RLIMIT_* number; undefined where it may raise them. */
  readonly hardLimits: readonly bigint[] | undefined
  /** proc has the mount option `pidns` (Linux 6.18). */
  readonly procPidNamespace: boolean
  /** overlayfs takes layers that are attached nowhere (Linux 6.15). */
  readonly detachedLayers: boolean
  /** Which of the paths that a guest may not see exist. */
  readonly present: ReadonlySet<string>
  /** Mount sources that are directories. */
  readonly directories: ReadonlySet<string>
}

/**
 * A path that a plan is made from. `identity`: only which inode it is matters (a directory whose content
 * may change while the plan stays right).
 */
export type InputPath = string | { readonly path: string; readonly only: 'identity' }

/** A plan, with what it was made of and from. */
export interface Compiled {
  readonly plan: Plan
  readonly steps: readonly Step[]
  /** Paths whose change makes the plan stale. */
  readonly inputs: readonly InputPath[]
}
