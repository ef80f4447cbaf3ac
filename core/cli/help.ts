import type { VerbInfo, VerbOption } from './types.ts'
import { soloOptions } from './argv.ts'
import { globalOptions, verbTable } from './verb_table.ts'

/** The text of `--help`. Pure. */
export function renderHelp(verb: VerbInfo | undefined): string {
  return verb === undefined ? programHelp() : verbHelp(verb)
}

function programHelp(): string {
  return [
    'vserver: many complete Linux systems on one kernel',
    '',
    'Usage: vserver [GLOBAL] VERB [OPTIONS] [NAME…]',
    '       vserver NAME VERB …',
    '',
    'Verbs:',
    ...columns(verbTable.map(({ verb, positional, doc }) => [`${verb} ${positional}`, doc])),
    '',
    'Global options, before or after the verb:',
    ...columns([...globalOptions, ...soloOptions].map(optionRow)),
    '',
    'Examples:',
    '  vserver create web --from dir:/srv/trixie',
    '  vserver start web',
    '  vserver exec web -- id',
    '',
    'vserver VERB --help shows more.',
    '',
  ].join('\n')
}

function verbHelp({ verb, positional, doc, options, examples }: VerbInfo): string {
  const usage = `Usage: vserver ${verb}${options.length > 0 ? ' [OPTIONS]' : ''} ${positional}`
  return [
    ...wrap(`vserver ${verb}: ${doc}`, 80),
    '',
    usage.trimEnd(),
    ...(options.length > 0 ? ['', 'Options:', ...columns(options.map(optionRow))] : []),
    '',
    'Global options:',
    ...columns(globalOptions.map(optionRow)),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
  ].join('\n')
}

function optionRow(option: VerbOption): readonly [string, string] {
  const { name, short, value, valueOptional, doc } = option
  const long = valueOptional === true
    ? `--${name}[=${(value ?? '').replaceAll(/[[\]]/g, '')}]`
    : `--${name}${value === undefined ? '' : ` ${value}`}`
  return [short === undefined ? `    ${long}` : `-${short}, ${long}`, doc]
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(...rows.map(([left = '']) => left.length))
  return rows.flatMap(([left = '', right = '']) =>
    wrap(right, 80 - width - 4).map((line, index) =>
      `  ${(index === 0 ? left : '').padEnd(width)}  ${line}`
    )
  )
}

/** Breaks a text between words, so that no line has more columns, unless a word has. Pure. */
function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
