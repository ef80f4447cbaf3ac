/**
 * From a command line to a verb and its arguments: `splitArgv` takes the words apart, cac checks them
 * against the verb's declaration.
 *
 * @module
 */
import { type CAC, cac } from 'cac'
import { parseUnit } from '../guest/units.ts'
import { splitArgv, type Token, usage } from './argv.ts'
import type { Globals, VerbArgs, VerbInfo, VerbOption } from './types.ts'
import { globalOptions, verbTable } from './verb_table.ts'

export interface Parsed {
  readonly verb: VerbInfo | undefined
  readonly args: VerbArgs
  readonly globals: Globals
  readonly help: boolean
  readonly version: boolean
  readonly licences: boolean
}

/**
 * Marks a word as text: cac converts what looks like a number and drops what starts with a dash. No
 * word of a command line can hold NUL, so that nothing else looks like it.
 */
const MARK = '\0'

/**
 * @param argv the words after the program's name
 * @param more verbs of plugins
 * @throws {VServerError} E_USAGE
 */
export function parseArgv(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  more: readonly VerbInfo[] = [],
): Parsed {
  const { verb, tokens, command } = splitArgv(argv, [...verbTable, ...more])
  if (verb !== undefined) validate(verb, { tokens, command })
  const args = collect(tokens, command)
  const help = args.flag('help')
  // An unset variable of a script must not mean the host's own guests.
  if (args.text('root') === '') throw usage(verb, '--root is empty', { hint: 'name a directory' })
  return {
    verb,
    args,
    help,
    version: args.flag('version'),
    licences: args.flag('licences'),
    globals: {
      root: args.text('root') ?? env['VSERVER_ROOT'],
      json: args.flag('json'),
      quiet: args.flag('quiet'),
      color: !args.flag('no-color') && (env['NO_COLOR'] ?? '') === '',
      lockTimeoutMs: lockTimeout(verb, args.text('lock-timeout')),
    },
  }
}

/** cac with every verb declared, for checks and help. */
export function declare(table: readonly VerbInfo[] = verbTable): CAC {
  const program = cac('vserver')
  for (const option of globalOptions) {
    if (option.name !== 'help') program.option(flags(option), option.doc)
  }
  for (const info of table) {
    const command = program.command(`${info.verb} ${info.positional}`.trim(), info.doc)
    for (const option of info.options) command.option(flags(option), option.doc)
    for (const example of info.examples) command.example(`  $ ${example}`)
    // Actions run later, for cac does not wait for them; without one it checks nothing.
    command.action(() => undefined)
  }
  return program
}

/** `-n, --lines <n>` */
function flags({ name, short, value }: VerbOption): string {
  const long = `--${name}${value === undefined ? '' : ` ${value}`}`
  return short === undefined ? long : `-${short}, ${long}`
}

function validate(
  verb: VerbInfo,
  { tokens, command }: { tokens: readonly Token[]; command: readonly string[] },
): void {
  if (tokens.some((token) => token.kind === 'option' && token.name === 'help')) return
  const words = tokens.map((token) => {
    if (token.kind === 'positional') return `${MARK}${token.value}`
    return `--${token.name}${token.value === true ? '' : `=${MARK}${token.value}`}`
  })
  // Options come first, so that a switch never takes a positional for its value.
  const options = words.filter((word) => !word.startsWith(MARK))
  const positionals = words.filter((word) => word.startsWith(MARK))
  const switches = options.map((word) => word.includes('=') ? word : `${word}=true`)
  try {
    declare([verb]).parse([
      'node',
      'vserver',
      ...switches.map((word) => word.replace(/^--no-([a-z-]+)=true$/, '--no-$1')),
      verb.verb,
      ...positionals,
      ...command.map((word) => `${MARK}${word}`),
    ])
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'TypeError') throw error
    throw usage(verb, cacProblem(verb, error.message.replaceAll(MARK, '')))
  }
}

/** What cac found, in our words. Its options have been looked at before. Pure. */
function cacProblem({ positional }: VerbInfo, message: string): string {
  if (message.startsWith('missing required args')) return `expected ${positional}`
  const unused = /^Unused args: (.*)$/.exec(message)?.[1]
  if (unused === undefined) return message.replaceAll('`', '"')
  const words = unused.replaceAll('`', '"')
  return positional === ''
    ? `it takes no names, not ${words}`
    : `${words}: expected ${positional} only`
}

function collect(tokens: readonly Token[], command: readonly string[]): VerbArgs {
  const options = new Map<string, (string | true)[]>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    options.set(token.name, [...(options.get(token.name) ?? []), token.value])
  }
  return {
    positionals: tokens.flatMap((token) => token.kind === 'positional' ? [token.value] : []),
    command,
    flag: (name) => options.has(name),
    text(name) {
      const value = options.get(name)?.at(-1)
      return typeof value === 'string' ? value : undefined
    },
    list: (name) => (options.get(name) ?? []).filter((value) => typeof value === 'string'),
  }
}

/** `10`, `2.5` or with a unit; seconds when bare, because the option says so. */
function lockTimeout(verb: VerbInfo | undefined, written: string | undefined): number {
  return written === undefined ? 10_000 : seconds(verb, { option: '--lock-timeout', written })
}

/** Parses an option in seconds. */
export function seconds(
  verb: { readonly verb: string } | undefined,
  { option, written }: { option: string; written: string },
): number {
  try {
    return parseUnit('time', /^\d+(\.\d+)?$/.test(written) ? `${written}s` : written)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw usage(verb, `${option}: ${error.message}`)
  }
}
