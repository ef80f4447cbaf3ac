/**
 * `vserver start NAME…`: compiles what has to be compiled; the native verb does the deed.
 *
 * @module
 */
import { release } from 'node:os'
import { keepStart, prepareGuest, readConfig } from '../guest/compile.ts'
import { keptIsCurrent } from '../guest/kept_current.ts'
import { startLevels } from '../guest/order.ts'
import { readLife } from '../guest/life.ts'
import { readGuest } from '../guest/store.ts'
import { type Executor, withSession } from '../host/executor.ts'
import { requireKernel } from '../host/kernel.ts'
import type { Session } from '../plan/session.ts'
import type { Registry } from '../plugin/registry.ts'
import { usage } from './argv.ts'
import { settle } from './clean.ts'
import { executorOf, forEachName, registryOf, selectNames, useRoot, withGuestLock } from './host.ts'
import { becomeNative, nativeWords, runNative } from './native.ts'
import { seconds } from './parse.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const names = selectNames(cli, args, 'start')
  return await startGuests(cli, { names, words: waitWords(args), silent: false })
}

/** `--wait` in the words of the native verb. */
function waitWords(args: VerbArgs): readonly string[] {
  if (!args.flag('wait')) return []
  const written = args.text('wait')
  if (written === undefined) return ['--wait']
  if (written === 'exit') return ['--wait=exit']
  if (written === '') throw usage({ verb: 'start' }, '--wait= needs a time, or exit')
  return [`--wait=${seconds({ verb: 'start' }, { option: '--wait', written })}ms`]
}

/** Starts guests in the order of their `after`; those that do not depend on each other at once. */
export async function startGuests(
  cli: Cli,
  { names, words, silent }: { names: readonly string[]; words: readonly string[]; silent: boolean },
): Promise<number> {
  useRoot(cli)
  const executor = executorOf(cli)
  const registry = await registryOf(cli)
  warnOfBroken(cli, registry)
  const { levels, code } = await orderGuests(cli, { names, registry, verb: 'start' })
  let worst = code
  // With --json there is one value for all of them.
  const whole = cli.globals.json && (levels.length !== 1 || worst !== 0)
  let last: readonly string[] = []
  await withSession(executor, async (session) => {
    for (const level of levels) {
      cli.signal.throwIfAborted()
      const ready: string[] = []
      const failed = await forEachName(cli, level, async (name) => {
        if (mayReplay(cli, name, executor)) {
          ready.push(name)
          return
        }
        await settle(cli, { name, verb: 'start' })
        await prepareStart(cli, { executor, session, registry, name })
        ready.push(name)
      })
      worst = Math.max(worst, failed)
      if (ready.length === 0) continue
      if (level === levels.at(-1) && worst === 0 && !silent && !whole) {
        last = ready
        continue
      }
      const options = { verb: 'start', words: [...words, ...ready], silent: silent || whole }
      worst = Math.max(worst, await runNative(cli, executor, options))
    }
  })
  // The native verb takes our place: nothing is left to be done after the last level.
  if (last.length > 0) becomeNative(cli, executor, nativeWords(cli, 'start', [...words, ...last]))
  if (whole && !silent) (await import('./list.ts')).printStatuses(cli, { names, registry })
  return worst
}

/** What a plugin would have done to a plan that does not name it, nobody knows. */
function warnOfBroken(cli: Cli, { broken }: Registry): void {
  for (const { error } of broken) cli.out.note(`${error.message}; going on without it`)
}

/** Names by level of `after`; names that cannot be read are reported here, and left out. */
export async function orderGuests(
  cli: Cli,
  { names, registry, verb }: { names: readonly string[]; registry: Registry; verb: string },
): Promise<{ levels: readonly (readonly string[])[]; code: number }> {
  const after = new Map<string, readonly string[]>()
  const code = await forEachName(cli, names, async (name) => {
    const stored = readGuest(cli.root, { name, verb })
    // With one name, or without the word, there is no order to find out, and reading YAML can wait.
    const ordered = names.length > 1 && stored.text.includes('after')
    after.set(name, ordered ? (await readConfig(stored, registry)).after : [])
  })
  return { levels: startLevels([...after.keys()], after), code }
}

/** Whether the native verb, which looks again under the lock, can start this guest as it is. */
function mayReplay(cli: Cli, name: string, executor: Executor): boolean {
  return cli.env['VSERVER_REPLAY_FAILED'] !== '1' && keptIsCurrent(cli.root, name, executor)
}

/**
 * Compiles under the guest's lock, unless what is kept still holds. A guest that runs keeps what it was
 * started with.
 */
async function prepareStart(
  cli: Cli,
  host: { executor: Executor; session: Session; registry: Registry; name: string },
): Promise<void> {
  const { executor, session, registry, name } = host
  await withGuestLock(cli, { session, name, verb: 'start' }, async () => {
    if (readLife(cli.root, name).kind === 'alive') return
    if (mayReplay(cli, name, executor)) return
    const stored = readGuest(cli.root, { name, verb: 'start' })
    requireKernel(release(), `start "${name}"`)
    const guest = await prepareGuest(stored, { root: cli.root, registry, verb: 'start' })
    await keepStart({ root: cli.root, executor, session, registry }, guest)
  })
}
