/**
 * What a verb is, and what it works with. Types only.
 *
 * @module
 */
import type { Root } from '../host/root.ts'
import type { BrokenPlugin } from '../plugin/registry.ts'
import type { Plugin } from '../plugin/types.ts'
import type { Output } from './output.ts'

/** One option of a verb, or a global one. `--name`, with `value` what follows it in the help. */
export interface VerbOption {
  readonly name: string
  /** One letter, without the dash. */
  readonly short?: string
  /** Shown in the help; absent for a switch. `[=S]` style: a value only with `=`. */
  readonly value?: string
  readonly valueOptional?: boolean
  /** May be given several times. */
  readonly repeat?: boolean
  readonly doc: string
}

/** What everything but the verb's code is made from: dispatch, help, README. */
export interface VerbInfo {
  readonly verb: string
  /** As cac writes them: `<name>`, `[...names]`. */
  readonly positional: string
  readonly doc: string
  readonly options: readonly VerbOption[]
  readonly examples: readonly string[]
  /** Options end at the first positional; the rest is the command, verbatim. */
  readonly takesCommand?: boolean
  /** Works without root, at least with some options; the verb itself checks then. */
  readonly unprivileged?: boolean
  readonly load: () => Promise<VerbCode>
}

export interface VerbCode {
  /** @returns the exit code */
  run(cli: Cli, args: VerbArgs): Promise<number>
}

/** The words of a verb, taken apart. Options by name without dashes. */
export interface VerbArgs {
  readonly positionals: readonly string[]
  /** exec: the command and its arguments, verbatim. */
  readonly command: readonly string[]
  flag(name: string): boolean
  text(name: string): string | undefined
  list(name: string): readonly string[]
}

export interface Globals {
  readonly root: string | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
  readonly lockTimeoutMs: number
}

/** What main hands to a verb. */
export interface Cli {
  readonly root: Root
  readonly globals: Globals
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  readonly out: Output
  /** Words after the program's name, as they were given. */
  readonly argv: readonly string[]
  /** Prints an error, and gives the exit code that it stands for. */
  readonly fail: (thrown: unknown) => number
  /** The plugins that are part of the program, and those of this root. */
  readonly plugins: () => Promise<readonly Plugin[]>
  /** Those of this root that cannot be used. */
  readonly broken: () => Promise<readonly BrokenPlugin[]>
  readonly env: Readonly<Record<string, string | undefined>>
}
