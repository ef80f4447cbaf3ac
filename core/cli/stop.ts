/**
 * `vserver stop NAME…`: in the opposite order of start.
 *
 * @module
 */
import { usage } from './argv.ts'
import { settle } from './clean.ts'
import { executorOf, forEachName, registryOf, selectNames, useRoot } from './host.ts'
import { printStatuses } from './list.ts'
import { runNative } from './native.ts'
import { seconds } from './parse.ts'
import { orderGuests } from './start.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const names = selectNames(cli, args, 'stop')
  const written = args.text('timeout')
  const words = written === undefined ? [] : ['--timeout', `${timeoutMs(written)}ms`]
  return await stopGuests(cli, { names, words, silent: false })
}

function timeoutMs(written: string): number {
  const ms = seconds({ verb: 'stop' }, { option: '--timeout', written })
  if (ms > 0) return ms
  throw usage({ verb: 'stop' }, '--timeout must be more than 0', {
    hint: 'vserver kill ends a guest at once',
  })
}

/** Stops guests; those that come `after` others first. */
export async function stopGuests(
  cli: Cli,
  { names, words, silent }: { names: readonly string[]; words: readonly string[]; silent: boolean },
): Promise<number> {
  useRoot(cli)
  const executor = executorOf(cli)
  const registry = await registryOf(cli)
  const { levels, code } = await orderGuests(cli, { names, registry, verb: 'stop' })
  let worst = code
  const whole = cli.globals.json && (levels.length !== 1 || worst !== 0)
  for (const level of levels.toReversed()) {
    cli.signal.throwIfAborted()
    const ready: string[] = []
    const failed = await forEachName(cli, level, async (name) => {
      await settle(cli, { name, verb: 'stop' })
      ready.push(name)
    })
    worst = Math.max(worst, failed)
    if (ready.length === 0) continue
    const options = { verb: 'stop', words: [...words, ...ready], silent: silent || whole }
    worst = Math.max(worst, await runNative(cli, executor, options))
  }
  if (whole && !silent) printStatuses(cli, { names, registry })
  return worst
}
