/**
 * `vserver completion bash|zsh|fish`: a script for the shell, made from the table of verbs.
 *
 * @module
 */
import { bashScript } from './completion_bash.ts'
import { fishScript } from './completion_fish.ts'
import { zshScript } from './completion_zsh.ts'
import { usage } from './argv.ts'
import type { Cli, VerbArgs } from './types.ts'

const scripts: ReadonlyMap<string, () => string> = new Map([
  ['bash', bashScript],
  ['zsh', zshScript],
  ['fish', fishScript],
])

export function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [shell = ''] = args.positionals
  const script = scripts.get(shell)
  if (script === undefined) {
    throw usage({ verb: 'completion' }, `${JSON.stringify(shell)} is not a shell that it knows`, {
      hint: `it knows ${[...scripts.keys()].join(', ')}`,
    })
  }
  const text = script()
  cli.out.print(cli.globals.json ? `${JSON.stringify({ shell, script: text })}\n` : text)
  return Promise.resolve(0)
}
