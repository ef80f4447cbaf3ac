/**
 * `vserver exec [OPTIONS] NAME [--] CMD…`
 *
 * @module
 */
import { usage } from './argv.ts'
import { becomeNative, nativeWords } from './native.ts'
import { checkRunning, ensureEnter } from './running.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [name = ''] = args.positionals
  if (args.command.length === 0) throw usage({ verb: 'exec' }, 'the command is missing')
  const words = optionWords(args)
  const executor = await checkRunning(cli, { name, verb: 'exec in' })
  await ensureEnter(cli, { executor, name, verb: 'exec in' })
  becomeNative(cli, executor, nativeWords(cli, 'exec', [...words, name, '--', ...args.command]))
}

/** The options in the words of the native verb. */
function optionWords(args: VerbArgs): readonly string[] {
  if (args.flag('tty') && args.flag('no-tty')) {
    throw usage({ verb: 'exec' }, '--tty and --no-tty exclude each other')
  }
  const cwd = args.text('cwd')
  if (cwd === '') throw usage({ verb: 'exec' }, '--cwd needs a directory')
  for (const entry of args.list('env')) {
    if (entry.indexOf('=') > 0) continue
    throw usage({ verb: 'exec' }, `--env takes KEY=VALUE, not ${JSON.stringify(entry)}`)
  }
  return [
    ...(args.flag('tty') ? ['-t'] : []),
    ...(args.flag('no-tty') ? ['-T'] : []),
    ...(cwd === undefined ? [] : ['-w', cwd]),
    ...args.list('env').flatMap((entry) => ['-e', entry]),
  ]
}
