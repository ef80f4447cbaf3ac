/**
 * `vserver console NAME`
 *
 * @module
 */
import { runDir } from '../host/root.ts'
import { becomeNative } from './native.ts'
import { checkRunning } from './running.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [name = ''] = args.positionals
  const executor = await checkRunning(cli, { name, verb: 'attach to' })
  becomeNative(cli, executor, ['@attach', runDir(cli.root, name), name])
}
