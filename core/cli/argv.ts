/**
 * Takes a command line apart before cac sees it, because cac turns `--name 007` into 7, drops values
 * that start with a dash, ignores unknown words and would take options out of exec's command. Pure.
 *
 * @module
 */
import { type ErrorDetails, errors, type VServerError } from '../errors.ts'
import { nearest } from '../guest/nearest.ts'
import type { VerbInfo, VerbOption } from './types.ts'
import { globalOptions, verbTable } from './verb_table.ts'

/** A word of options or a positional, with every doubt removed. */
export type Token =
  | { readonly kind: 'option'; readonly name: string; readonly value: string | true }
  | { readonly kind: 'positional'; readonly value: string }

export interface CommandLine {
  /** `undefined`: there is no verb; `--help`, `--version` and `--licences` work then. */
  readonly verb: VerbInfo | undefined
  readonly tokens: readonly Token[]
  /** exec: the command, verbatim. */
  readonly command: readonly string[]
}

/** Options that stand for verbs. */
export const soloOptions: readonly VerbOption[] = [
  { name: 'version', short: 'v', doc: 'print the version' },
  { name: 'licences', doc: 'print the licences of all that this file carries' },
]

/**
 * @param argv the words after the program's name
 * @throws {VServerError} E_USAGE
 */
export function splitArgv(
  argv: readonly string[],
  table: readonly VerbInfo[] = verbTable,
): CommandLine {
  const { verb, words } = findVerb(argv, table)
  const known = [...globalOptions, ...(verb?.options ?? []), ...(verb ? [] : soloOptions)]
  const tokens: Token[] = []
  let index = 0
  while (index < words.length) {
    const word = words[index++] ?? ''
    if (word === '--') {
      if (verb?.takesCommand === true) continue
      tokens.push(...words.slice(index).map((value) => ({ kind: 'positional', value } as const)))
      break
    }
    if (!isOption(word)) {
      tokens.push({ kind: 'positional', value: word })
      if (verb?.takesCommand !== true) continue
      // Options end at NAME; one "--" after it is a separator, the rest is verbatim.
      if (words[index] === '--') index++
      return { verb, tokens, command: words.slice(index) }
    }
    index = readOption({ word, words, index, known, verb, tokens })
  }
  return { verb, tokens, command: [] }
}

/**
 * Finds the verb: the first word, or the second in the historical order `NAME VERB`, which is then put
 * into the usual one. Values of global options in front are skipped.
 */
function findVerb(argv: readonly string[], table: readonly VerbInfo[]): {
  verb: VerbInfo | undefined
  words: readonly string[]
} {
  const first = nextWord(argv, 0)
  if (first === undefined) return { verb: undefined, words: argv }
  const word = argv[first] ?? ''
  // `vserver help start` is what hands type that know git or systemctl.
  if (word === 'help') return findVerb([...argv.toSpliced(first, 1), '--help'], table)
  const direct = table.find(({ verb }) => verb === word)
  if (direct !== undefined) return { verb: direct, words: argv.toSpliced(first, 1) }
  const second = nextWord(argv, first + 1)
  const historical = table.find(({ verb }) => second !== undefined && verb === argv[second])
  if (historical === undefined || second === undefined) {
    const meant = nearest(word, table.map(({ verb }) => verb))
    throw usage(undefined, `${JSON.stringify(word)} is not a verb`, {
      details: { unknownVerb: word },
      hint: meant === undefined ? 'vserver --help shows the verbs' : `did you mean "${meant}"?`,
    })
  }
  const before = argv.slice(0, second).toSpliced(first, 1)
  const rest = argv.slice(second + 1)
  // `NAME exec` leaves no room for options: what follows is the command, as the native verb has it.
  return { verb: historical, words: [...before, word, ...rest] }
}

/** Index of the first word at or after `from` that is neither an option nor the value of a global one. */
function nextWord(argv: readonly string[], from: number): number | undefined {
  for (let index = from; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (word === '--') return undefined
    if (!isOption(word)) return index
    const option = lookUp(globalOptions, word)
    if (option?.value !== undefined && !word.includes('=')) index++
  }
  return undefined
}

function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-'
}

function lookUp(known: readonly VerbOption[], word: string): VerbOption | undefined {
  if (word.startsWith('--')) {
    const name = word.slice(2).split('=', 1)[0]
    return known.find((option) => option.name === name)
  }
  return known.find(({ short }) => short !== undefined && short === word[1])
}

/** Reads one word of options (`--name`, `--name=value`, `-fn 5`) and gives the next index. */
function readOption(at: {
  word: string
  words: readonly string[]
  index: number
  known: readonly VerbOption[]
  verb: VerbInfo | undefined
  tokens: Token[]
}): number {
  const { words, known, verb, tokens } = at
  let { word, index } = at
  for (;;) {
    const option = lookUp(known, word)
    const shown = word.startsWith('--') ? word.split('=', 1)[0] ?? word : word.slice(0, 2)
    if (option === undefined) throw unknownOption(verb, shown, known)
    const { name } = option
    const attached = word.startsWith('--')
      ? (word.includes('=') ? word.slice(word.indexOf('=') + 1) : undefined)
      : (word.length > 2 ? word.slice(2) : undefined)
    if (option.value === undefined) {
      if (word.startsWith('--') && attached !== undefined) {
        throw usage(verb, `${shown} takes no value`)
      }
      tokens.push({ kind: 'option', name, value: true })
      if (attached === undefined) return index
      word = `-${attached}`
      continue
    }
    let value: string | true | undefined = attached
    if (value === undefined) value = option.valueOptional === true ? true : words[index++]
    if (value === undefined) throw usage(verb, `${shown} needs a value ${option.value}`)
    tokens.push({ kind: 'option', name, value })
    return index
  }
}

function unknownOption(
  verb: VerbInfo | undefined,
  shown: string,
  known: readonly VerbOption[],
): VServerError {
  const meant = nearest(shown, known.map(({ name }) => `--${name}`))
  return usage(verb, `${shown} is not an option`, {
    hint: meant === undefined ? helpHint(verb) : `did you mean ${meant}?`,
  })
}

function helpHint(verb: VerbInfo | undefined): string {
  return verb === undefined
    ? 'vserver --help shows the options'
    : `vserver ${verb.verb} --help shows the options`
}

/** The root that a command line names, before its verb is understood. Pure. */
export function rootOf(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  let found = env['VSERVER_ROOT']
  words.forEach((word, index) => {
    if (word === '--root') found = words[index + 1] ?? found
    else if (word.startsWith('--root=')) found = word.slice('--root='.length)
  })
  return found
}

/** An error of the command line. */
export function usage(
  verb: { readonly verb: string } | undefined,
  detail: string,
  { hint, details }: { hint?: string | undefined; details?: ErrorDetails } = {},
): VServerError {
  const what = verb === undefined ? 'vserver' : `vserver ${verb.verb}`
  return errors.E_USAGE(`Cannot run "${what}": ${detail}`, {
    hint: hint ??
      (verb === undefined
        ? 'vserver --help shows the verbs'
        : `vserver ${verb.verb} --help shows how`),
    details,
  })
}
