/**
 * `vserver kill [-s SIGNAL] NAME…`
 *
 * @module
 */
import { readLife } from '../guest/read_status.ts'
import { readGuest } from '../guest/store.ts'
import { notRunning } from '../errors.ts'
import { parseSignal } from '../linux/signals.ts'
import { usage } from './argv.ts'
import { settle } from './clean.ts'
import { executorOf, forEachName, registryOf, selectNames, useRoot } from './host.ts'
import { printStatuses } from './list.ts'
import { runNative } from './native.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const selected = selectNames(cli, args, 'kill')
  const word = args.text('signal')
  const signal = word === undefined ? undefined : parseSignal(word)
  if (word !== undefined && signal === undefined) {
    throw usage({ verb: 'kill' }, `${JSON.stringify(word)} is not a signal`, {
      hint: 'for example -s HUP, -s SIGTERM, -s 15 or -s RTMIN+3',
    })
  }
  useRoot(cli)
  const executor = executorOf(cli)
  const every = args.flag('all')
  const names = every
    ? selected.filter((name) => ['alive', 'unclear'].includes(readLife(cli.root, name).kind))
    : selected
  const ready: string[] = []
  let worst = await forEachName(cli, names, async (name) => {
    readGuest(cli.root, { name, verb: 'kill' })
    await settle(cli, { name, verb: 'kill' })
    if (readLife(cli.root, name).kind === 'none') throw notRunning('kill', name)
    ready.push(name)
  })
  const whole = cli.globals.json && ready.length !== names.length
  if (ready.length > 0) {
    const words = [...(signal === undefined ? [] : ['-s', String(signal)]), ...ready]
    worst = Math.max(worst, await runNative(cli, executor, { verb: 'kill', words, silent: whole }))
  }
  if (whole || (cli.globals.json && names.length === 0)) {
    printStatuses(cli, { names, registry: await registryOf(cli) })
  }
  return worst
}
