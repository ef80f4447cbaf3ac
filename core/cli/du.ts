/**
 * `vserver du [NAME…]`
 *
 * @module
 */
import { guestUnknown } from '../errors.ts'
import { guestExists, listGuests } from '../guest/store.ts'
import { readUsage } from '../guest/usage.ts'
import { withSession } from '../host/executor.ts'
import { sweepDead } from './clean.ts'
import { executorOf, forEachName, selectNames, useRoot } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'
import { showUsage, usageJson } from './usage_table.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const given = args.positionals.length > 0
  const names = given ? selectNames(cli, args, 'du') : listGuests(cli.root)
  useRoot(cli)
  const known: string[] = []
  const code = await forEachName(cli, names, (name) => {
    if (!guestExists(cli.root, name)) throw guestUnknown('measure', name)
    known.push(name)
    return Promise.resolve()
  })
  if (given && known.length === 0) return code
  await withSession(executorOf(cli), async (session) => {
    await sweepDead(cli, session)
    const { root, signal } = cli
    const usage = await readUsage(session, {
      ...{ root, signal },
      progress: (done, total) =>
        cli.out.progress({ phase: 'list trees', done, total, unit: 'trees' }),
    })
    cli.out.endProgress()
    const guests = usage.guests.filter(({ name }) => !given || known.includes(name))
    if (usage.unreadable > 0) {
      cli.out.note(`${usage.unreadable} files or directories could not be looked at`)
    }
    if (cli.globals.json) cli.out.print(usageJson({ ...usage, guests }))
    else cli.out.print(showUsage({ ...usage, guests, others: given ? undefined : usage.others }))
  })
  return code
}
