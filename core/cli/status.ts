/**
 * `vserver status NAME…`
 *
 * @module
 */
import { formatStatuses, statusesJson } from '../guest/status.ts'
import { selectNames } from './host.ts'
import { collect } from './list.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const names = selectNames(cli, args, 'status')
  const { statuses, code } = await collect(cli, { names, verb: 'status', given: !args.flag('all') })
  cli.out.print(cli.globals.json ? statusesJson(statuses) : formatStatuses(statuses))
  return code
}
