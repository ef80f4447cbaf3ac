/**
 * `vserver restart NAME…`: stop, then start.
 *
 * @module
 */
import { readLife } from '../guest/read_status.ts'
import { guestExists } from '../guest/store.ts'
import { selectNames } from './host.ts'
import { startGuests } from './start.ts'
import { stopGuests } from './stop.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const selected = selectNames(cli, args, 'restart')
  // All that run: what was stopped on purpose stays so.
  const names = args.flag('all')
    ? selected.filter((name) => ['alive', 'unclear'].includes(readLife(cli.root, name).kind))
    : selected
  const stopped = await stopGuests(cli, { names, words: [], silent: cli.globals.json })
  // What could not be stopped still runs, and what is no guest was reported.
  const down = names.filter((name) =>
    guestExists(cli.root, name) && ['none', 'stale'].includes(readLife(cli.root, name).kind)
  )
  const started = await startGuests(cli, { names: down, words: [], silent: false })
  return Math.max(stopped, started)
}
