import { commonOptions, completedVerbs, operandOf, quote, valueKind } from './completion_words.ts'
import { soloOptions } from './argv.ts'
import type { VerbInfo, VerbOption } from './types.ts'

/** The completion of fish. Pure. */
export function fishScript(): string {
  const verbs = completedVerbs.map(({ verb }) => verb)
  return `# fish completion of vserver: put it into ~/.config/fish/completions/vserver.fish
function __vserver_words
    # The words before the cursor that are neither options nor values of global ones.
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if contains -- $word --root --lock-timeout
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
function __vserver_guests
    set -l words (commandline -opc)
    set -l root
    if set -l at (contains -i -- --root $words)
        set root --root $words[(math $at + 1)]
    end
    $words[1] $root list --quiet 2>/dev/null
end
function __vserver_first
    set -l words (__vserver_words)
    test (count $words) = 0
end
function __vserver_second
    set -l words (__vserver_words)
    test (count $words) = 1; and not contains -- $words[1] ${verbs.join(' ')}
end
function __vserver_is
    set -l words (__vserver_words)
    test (count $words) -gt 0; and test "$words[1]" = $argv[1]
end
function __vserver_operand
    set -l words (__vserver_words)
    test (count $words) = (math $argv[2] + 1); and test "$words[1]" = $argv[1]
end
complete -c vserver -f
${commonOptions.map((option) => line([], option)).join('\n')}
${soloOptions.map((option) => line(['__vserver_first'], option)).join('\n')}
complete -c vserver -n __vserver_first -a '(__vserver_guests)' -d guest
${completedVerbs.map(firstLines).join('\n')}
${completedVerbs.flatMap(verbLines).join('\n')}
`
}

function line(condition: readonly string[], option: VerbOption): string {
  const { name, short, doc } = option
  const parts = ['complete -c vserver']
  if (condition.length > 0) parts.push(`-n ${quote(condition.join(' '))}`)
  parts.push(`-l ${name}`)
  if (short !== undefined) parts.push(`-s ${short}`)
  const kind = valueKind(option)
  if (kind === 'directory') parts.push(`-x -a '(__fish_complete_directories)'`)
  if (kind === 'file') parts.push('-r -F')
  if (kind === 'text') parts.push('-x')
  parts.push(`-d ${fishQuote(doc)}`)
  return parts.join(' ')
}

function firstLines({ verb, doc }: VerbInfo): string {
  return ['__vserver_first', '__vserver_second']
    .map((condition) => `complete -c vserver -n ${condition} -a ${verb} -d ${fishQuote(doc)}`)
    .join('\n')
}

function verbLines(info: VerbInfo): readonly string[] {
  const { verb, options } = info
  const lines = options.map((option) => line(['__vserver_is', verb], option))
  const guests = (condition: string) =>
    `complete -c vserver -n ${quote(condition)} -a '(__vserver_guests)' -d guest`
  const operand = operandOf(info)
  switch (operand.kind) {
    case 'none':
      return lines
    case 'guests':
      return [...lines, guests(`__vserver_is ${verb}`)]
    case 'guest':
      return [...lines, guests(`__vserver_operand ${verb} 0`)]
    case 'words': {
      const words = `complete -c vserver -n ${quote(`__vserver_operand ${verb} 0`)} ` +
        `-a ${quote(operand.words.join(' '))}`
      return [...lines, words, ...(operand.guest ? [guests(`__vserver_operand ${verb} 1`)] : [])]
    }
    default:
      return operand satisfies never
  }
}

/** Within single quotes fish takes a backslash before these two. */
function fishQuote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`
}
