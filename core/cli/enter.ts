/**
 * `vserver enter NAME`
 *
 * @module
 */
import { becomeNative, nativeWords } from './native.ts'
import { checkRunning, ensureEnter } from './running.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [name = ''] = args.positionals
  const executor = await checkRunning(cli, { name, verb: 'enter' })
  await ensureEnter(cli, { executor, name, verb: 'enter' })
  becomeNative(cli, executor, nativeWords(cli, 'enter', [name]))
}
