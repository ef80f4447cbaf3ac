/**
 * What can be completed, for every shell alike. Pure.
 *
 * @module
 */
import { soloOptions } from './argv.ts'
import type { VerbInfo, VerbOption } from './types.ts'
import { globalOptions, verbTable } from './verb_table.ts'

/** What follows a verb. */
export type Operand =
  | { readonly kind: 'none' }
  /** Guests, any number of them. */
  | { readonly kind: 'guests' }
  /** One guest, then whatever. */
  | { readonly kind: 'guest' }
  /** One of these, then a guest where `guest` is set. */
  | { readonly kind: 'words'; readonly words: readonly string[]; readonly guest: boolean }

/** Values of an option: files, directories, or nothing that could be told. */
export type OptionValueKind = 'none' | 'file' | 'directory' | 'text'

/** Verbs in the order of the table. */
export const completedVerbs: readonly VerbInfo[] = verbTable

/** Options of every verb. */
export const commonOptions: readonly VerbOption[] = globalOptions

/** Options that stand for verbs, too. */
export const firstOptions: readonly VerbOption[] = [...globalOptions, ...soloOptions]

const shells: readonly string[] = ['bash', 'zsh', 'fish']
const explained: readonly string[] = ['start', 'stop', 'exec', 'enter']

/** What comes after a verb. */
export function operandOf({ verb, positional }: VerbInfo): Operand {
  if (verb === 'completion') return { kind: 'words', words: shells, guest: false }
  if (verb === 'explain') return { kind: 'words', words: explained, guest: true }
  // The name of a new guest is the person's to choose.
  if (verb === 'create' || positional === '') return { kind: 'none' }
  return positional === '[...names]' ? { kind: 'guests' } : { kind: 'guest' }
}

/** What an option takes. */
export function valueKind({ value, valueOptional }: VerbOption): OptionValueKind {
  if (value === undefined || valueOptional === true) return 'none'
  if (value === '<dir>') return 'directory'
  return value === '<file>' ? 'file' : 'text'
}

/** `--name` and, where there is one, `-n`. */
export function spellings({ name, short }: VerbOption): readonly string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]
}

/** Quotes a text for a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
