/**
 * `vserver restart NAME…`: stop, then start; what could not start again is not stopped.
 *
 * @module
 */
import { compileStart, prepareGuest } from '../guest/compile.ts'
import { keptIsCurrent } from '../guest/kept_current.ts'
import { readLife } from '../guest/read_status.ts'
import { guestExists, readGuest } from '../guest/store.ts'
import { withSession } from '../host/executor.ts'
import { probeFacts } from '../host/facts.ts'
import { executorOf, forEachName, registryOf, selectNames, useRoot } from './host.ts'
import { startGuests } from './start.ts'
import { stopGuests } from './stop.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const selected = selectNames(cli, args, 'restart')
  // All that run: what was stopped on purpose stays so.
  const names = args.flag('all')
    ? selected.filter((name) => ['alive', 'unclear'].includes(readLife(cli.root, name).kind))
    : selected
  useRoot(cli)
  const { startable, code } = await tryCompiling(cli, names)
  const stopped = await stopGuests(cli, { names: startable, words: [], silent: cli.globals.json })
  // What could not be stopped still runs, and what is no guest was reported.
  const down = startable.filter((name) =>
    guestExists(cli.root, name) && ['none', 'stale'].includes(readLife(cli.root, name).kind)
  )
  const started = await startGuests(cli, { names: down, words: [], silent: false })
  return Math.max(code, stopped, started)
}

/** Plans every start as it will be planned; what is wrong is reported while the guest still runs. */
async function tryCompiling(
  cli: Cli,
  names: readonly string[],
): Promise<{ startable: readonly string[]; code: number }> {
  const executor = executorOf(cli)
  const registry = await registryOf(cli)
  const startable: string[] = []
  const code = await withSession(executor, (session) =>
    forEachName(cli, names, async (name) => {
      const stored = readGuest(cli.root, { name, verb: 'restart' })
      if (!keptIsCurrent(cli.root, name, executor)) {
        const guest = await prepareGuest(stored, { root: cli.root, registry, verb: 'restart' })
        compileStart(guest, { facts: await probeFacts(session, guest.input), registry })
      }
      startable.push(name)
    }))
  return { startable, code }
}
