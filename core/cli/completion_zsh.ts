import {
  commonOptions,
  completedVerbs,
  firstOptions,
  operandOf,
  quote,
  spellings,
  valueKind,
} from './completion_words.ts'
import type { VerbInfo, VerbOption } from './types.ts'

/** The completion of zsh. Pure. */
export function zshScript(): string {
  const verbs = completedVerbs.map(({ verb, doc }) => `    ${quote(`${escapeItem(verb)}:${doc}`)}`)
  return `#compdef vserver
# zsh completion of vserver: put it into a directory of $fpath as _vserver, or source it
_vserver_guests() {
  local -a guests
  (( $+opt_args[--root] )) && root=(--root \${(Q)opt_args[--root]})
  guests=(\${(f)"$(\${(Q)words_command} $root list --quiet 2>/dev/null)"})
  (( $#guests )) && compadd "$@" -a guests
}
_vserver_verbs() {
  local -a verbs
  verbs=(
${verbs.join('\n')}
  )
  _describe -t verbs verb verbs
}
_vserver_first() {
  _alternative 'verbs:verb:_vserver_verbs' 'guests:guest:_vserver_guests'
}
_vserver() {
  local curcontext=$curcontext state line words_command=$words[1]
  local -a root
  typeset -A opt_args
  _arguments -C \\
${specs(firstOptions)} \\
    '1: :_vserver_first' \\
    '*:: :->rest'
  [[ $state == rest ]] || return
  (( $+opt_args[--root] )) && root=(--root \${(Q)opt_args[--root]})
  local verb=$line[1]
  case $verb in
${completedVerbs.map(verbCase).join('\n')}
    *) (( CURRENT == 2 )) && _vserver_verbs ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _vserver "$@"; else compdef _vserver vserver; fi
`
}

function specs(options: readonly VerbOption[]): string {
  return options.flatMap((option) =>
    spellings(option).map((word) => `    ${quote(`${word}${spec(option)}`)}`)
  ).join(' \\\n')
}

/** `[what it does]:value:_files` */
function spec(option: VerbOption): string {
  const doc = `[${option.doc.replaceAll(/[[\]]/g, '\\$&')}]`
  switch (valueKind(option)) {
    case 'none':
      return doc
    case 'directory':
      return `${doc}:directory:_files -/`
    case 'file':
      return `${doc}:file:_files`
    case 'text':
      return `${doc}:${(option.value ?? '').replaceAll(/[<>:]/g, '')}: `
    default:
      return doc
  }
}

function verbCase(info: VerbInfo): string {
  const options = specs([...info.options, ...commonOptions])
  const operand = operandOf(info)
  const operands: string[] = []
  switch (operand.kind) {
    case 'none':
      break
    case 'guests':
      operands.push(`'*:guest:_vserver_guests'`)
      break
    case 'guest':
      operands.push(`'1:guest:_vserver_guests'`, `'*: : '`)
      break
    case 'words':
      operands.push(`'1: :(${operand.words.join(' ')})'`)
      if (operand.guest) operands.push(`'2:guest:_vserver_guests'`)
      break
    default:
      return operand satisfies never
  }
  const all = [options, ...operands.map((one) => `    ${one}`)].join(' \\\n')
  return `    ${info.verb}) _arguments \\\n${all} ;;`
}

function escapeItem(text: string): string {
  return text.replaceAll(':', '\\:')
}
