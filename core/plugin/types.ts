/**
 * What a plugin is: one declarative object, `export default {…} satisfies Plugin`. Types only, so
 * that out-of-tree plugins can use them and carry nothing of vserver.
 *
 * @module
 */
import type { Step } from '../context/step.ts'
import type { Plan } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'

/** Version of this contract; the registry refuses every other one. */
export type Api = 1

/** Value of an option after validation: sizes in bytes, times in ms, bit rates in bit/s. */
export type OptionValue = string | number | boolean | readonly string[]
export type OptionValues = Readonly<Record<string, OptionValue>>

/**
 * One declared option. The command line, the configuration schema and the help are made from it.
 * `unit` of a number says how it is written: see `core/guest/units.ts`.
 */
export type OptionSpec =
  & {
    /** One line for the help. */
    readonly doc: string
    /** Without a default the option must be given, or may be left out where `optional` is set. */
    readonly optional?: boolean
  }
  & (
    | { readonly kind: 'boolean'; readonly default?: boolean }
    | { readonly kind: 'text'; readonly default?: string; readonly pattern?: RegExp }
    | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly default?: string }
    | { readonly kind: 'list'; readonly default?: readonly string[]; readonly pattern?: RegExp }
    | {
      readonly kind: 'number'
      readonly unit: 'size' | 'count' | 'time' | 'rate' | 'none'
      /** In the unit's own writing (`64M`, `10s`), or a number where the unit is `none`. */
      readonly default?: string | number
      /** Inclusive bounds, in the base unit (bytes, ms, bit/s). */
      readonly min?: number
      readonly max?: number
    }
  )
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

/** Progress of long work: a phase, and how far it is where that is known. */
export interface Progress {
  readonly phase: string
  readonly done?: number
  readonly total?: number
  readonly unit?: 'bytes' | 'files' | 'packages' | 'trees'
  /** Units a second, where that says how long it will take. */
  readonly perSecond?: number
}

/** A command that runs once in a tree: isolated like a guest, with the tree as its root. */
export interface TreeCommand {
  /** Absolute; what the command writes stays in it. */
  readonly tree: string
  readonly argv: readonly [path: string, ...args: readonly string[]]
  /** `KEY=VALUE`; the whole environment. */
  readonly env: readonly string[]
  /** The command and all that it started are killed after so long. */
  readonly timeoutMs: number
  /** What it writes to its standard output and error. */
  readonly onOutput: (bytes: Uint8Array) => void
}

export type TreeOutcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: number }
  | { readonly kind: 'timeout' }

/** The tree of a guest, as it looks from inside; read-only. */
export interface GuestTree {
  /** Absolute; good for as long as it is open, in this process and in the session. */
  readonly path: string
  /** Ends it. Until then nobody starts or changes the guest. */
  close(): Promise<void>
}

/** What a bootstrapper works with. */
export interface BootstrapContext {
  /** For everything that Node cannot do safely (`openat2`, ownership, xattrs, devices). */
  readonly session: Session
  /** Aborted by Ctrl-C; the bootstrapper stops soon and throws. The caller removes what was made. */
  readonly signal: AbortSignal
  readonly progress: (event: Progress) => void
  readonly options: OptionValues
  /** Directory, root's own and private, for what may be used again; it may not be there yet. */
  readonly cache: string
  /** Do not use the network. */
  readonly offline: boolean
  /**
   * Runs a command in the tree. It has no network, and its writes are not forced to the disk one by one.
   * An abort kills it, too; then the outcome is `killed`.
   */
  readonly runInTree: (command: TreeCommand) => Promise<TreeOutcome>
  /**
   * Opens the tree of a guest of this root (`NAME`), which must not run, or of a snapshot of one
   * (`NAME@SNAPSHOT`); one at a time.
   */
  readonly openGuest?: (source: string) => Promise<GuestTree>
}

/** Makes templates: `--from SCHEME:SOURCE`. */
export interface Bootstrapper {
  /** `dir`, `tar`, `debian`… */
  readonly scheme: string
  /** One line for the help: what SOURCE is. */
  readonly doc: string
  readonly options?: OptionSpecs
  /**
   * Ids of templates that an equal source and equal options led to before, newest first. One that is still
   * there is used without looking at the source, unless `--refresh` is given.
   */
  pinned?(source: string, context: BootstrapContext): Promise<readonly string[]>
  /**
   * The template's identity without the scheme: `<words>-<12 hex digits>`, from `[a-z0-9.-]`. Equal
   * text means an equal tree, so a template of this id is used again.
   *
   * @throws {VServerError} E_SOURCE when the source cannot be used
   */
  id(source: string, context: BootstrapContext): Promise<string>
  /**
   * Fills `destination`, an existing, empty, root-owned 0755 directory. On failure it may leave what it
   * made: the caller removes it.
   */
  make(source: string, destination: string, context: BootstrapContext): Promise<void>
}

/** What a network mode knows of the guest when it plans. */
export interface NetworkInput {
  readonly name: string
  /** Six hex digits of the root: everything with a name outside the guest carries them. */
  readonly digest6: string
  readonly ids: { readonly first: number; readonly count: number }
  readonly hostname: string
  readonly options: OptionValues
}

/**
 * How a guest is connected: `network.mode`. Pure: input in, steps out.
 *
 * Steps of HOST run after the guest's network namespace exists and before its init is exec'd, and find
 * the handles `initPid` and `initPidfd`. Those of GUEST run inside that namespace, with every capability
 * over it. Those of TEARDOWN run on every way out, also when nothing of the mode was made yet, and are
 * idempotent. Other names of handles start with the mode's name and a dot.
 */
export interface NetworkMode {
  readonly mode: string
  readonly doc: string
  /** `own`: a network namespace of the guest's own; `host`: that of the host. */
  readonly namespace: 'own' | 'host'
  /** Keys under `network` beside `mode`. */
  readonly options?: OptionSpecs
  steps(input: NetworkInput): readonly Step[]
}

/** What a command may use of the host program. */
export interface CommandContext {
  readonly root: {
    readonly dir: string
    readonly lib: string
    readonly run: string
    readonly etc: string
  }
  readonly signal: AbortSignal
  readonly json: boolean
  print(text: string): void
}

/** A verb of its own. */
export interface Command {
  readonly verb: string
  readonly doc: string
  readonly options?: OptionSpecs
  /** `[name]`, `<file>`, `[...names]`, as the usage line shows them. */
  readonly positional?: string
  readonly examples?: readonly string[]
  /** @returns the exit code */
  run(args: readonly string[], options: OptionValues, context: CommandContext): Promise<number>
}

/** One row of `vserver check`. */
export interface CheckRow {
  readonly feature: string
  readonly found: boolean
  /** What it is needed for; `start` when guests cannot start without it. */
  readonly needed: string
  /** What to do when it was not found; empty when it was. */
  readonly remedy: string
  /** What was tried and seen. */
  readonly detail: string
}

/** A health check of the host. */
export interface Check {
  readonly check: string
  run(session: Session): Promise<readonly CheckRow[]>
}

/** Rewrites a start plan before it is encoded. Pure. */
export interface Pass {
  readonly pass: string
  apply(plan: Plan): Plan
}

export interface Plugin {
  /** `net-none`, `bootstrap-dir`: the folder's name. */
  readonly name: string
  readonly api: Api
  readonly bootstrappers?: readonly Bootstrapper[]
  readonly networkModes?: readonly NetworkMode[]
  readonly commands?: readonly Command[]
  readonly checks?: readonly Check[]
  readonly passes?: readonly Pass[]
}
