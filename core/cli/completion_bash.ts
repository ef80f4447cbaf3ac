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

/** The completion of bash, with nothing but what bash itself has. Pure. */
export function bashScript(): string {
  const verbs = completedVerbs.map(({ verb }) => verb).join(' ')
  return `# bash completion of vserver: source it, or put it into /etc/bash_completion.d/
_vserver() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local word verb= operands=0 skip= i
  local -a root=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then
      [[ $skip == --root ]] && root=(--root "$word")
      skip=
      continue
    fi
    case $verb:$word in
      :--root | :--lock-timeout | *:--root | *:--lock-timeout) skip=$word ;;
${valueCases()}
      *:-*) ;;
      :*) if [[ ' ${verbs} ' == *" $word "* ]]; then verb=$word; else operands=1; fi ;;
      *) ((operands++)) ;;
    esac
  done
  case $skip in
    '') ;;
    --root) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    --file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    --test) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
    *) return ;;
  esac
  local words=
  case $verb in
    '')
      if [[ $cur == -* ]]; then words=${quote(words(firstOptions))}
      elif ((operands)); then words='${verbs}'
      else words="${verbs} $(_vserver_guests)"
      fi ;;
${completedVerbs.map(verbCase).join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
_vserver_guests() {
  "\${COMP_WORDS[0]}" "\${root[@]}" list --quiet 2>/dev/null
}
complete -F _vserver vserver
`
}

function words(options: readonly VerbOption[]): string {
  return options.flatMap(spellings).join(' ')
}

/** Options after which a value comes, by verb. */
function valueCases(): string {
  return completedVerbs.flatMap(({ verb, options }) => {
    const taking = options.filter((option) => valueKind(option) !== 'none')
    if (taking.length === 0) return []
    const patterns = taking.flatMap(spellings).map((word) => `${verb}:${word}`).join(' | ')
    return [`      ${patterns}) skip=$word ;;`]
  }).join('\n')
}

function verbCase(info: VerbInfo): string {
  const options = words([...info.options, ...commonOptions])
  const operand = operandOf(info)
  const lines = [`if [[ $cur == -* ]]; then words=${quote(options)}`]
  switch (operand.kind) {
    case 'none':
      break
    case 'guests':
      lines.push('else words=$(_vserver_guests)')
      break
    case 'guest':
      lines.push('elif ((operands == 0)); then words=$(_vserver_guests)')
      break
    case 'words':
      lines.push(`elif ((operands == 0)); then words=${quote(operand.words.join(' '))}`)
      if (operand.guest) lines.push('elif ((operands == 1)); then words=$(_vserver_guests)')
      break
    default:
      return operand satisfies never
  }
  return `    ${info.verb})\n${lines.map((line) => `      ${line}`).join('\n')}\n      fi ;;`
}
