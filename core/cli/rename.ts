/**
 * `vserver rename OLD NEW`
 *
 * @module
 */
import { errors, guestUnknown, VServerError } from '../errors.ts'
import { configOf } from '../guest/config_of.ts'
import { readLife } from '../guest/life.ts'
import { checkName, checkPattern } from '../guest/name.ts'
import { renameGuest } from '../guest/rename.ts'
import { guestExists, listGuests, readGuest } from '../guest/store.ts'
import { withSession } from '../host/executor.ts'
import type { Session } from '../plan/session.ts'
import type { Registry } from '../plugin/registry.ts'
import { removeRunDir, settle, sweepDead } from './clean.ts'
import { executorOf, registryOf, useRoot, withGuestLocks } from './host.ts'
import { printStatuses } from './list.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [from = '', to = ''] = args.positionals
  checkPattern('rename', from)
  checkName('rename', to)
  useRoot(cli)
  const registry = await registryOf(cli)
  await withSession(executorOf(cli), async (session) => {
    await sweepDead(cli, session)
    if (!guestExists(cli.root, from)) throw guestUnknown('rename', from)
    await settle(cli, { name: from, verb: 'rename' })
    await withGuestLocks(cli, { session, names: [from, to], verb: 'rename' }, async () => {
      try {
        await rename(cli, { session, registry, from, to })
      } finally {
        for (const name of [from, to]) {
          if (!guestExists(cli.root, name)) removeRunDir(cli, name)
        }
      }
    })
  })
  for (const other of followers(cli, { registry, name: from })) {
    cli.out.note(
      `${other} still comes after ${from}: vserver set ${other} after-=${from} after+=${to}`,
    )
  }
  if (cli.globals.json) printStatuses(cli, { names: [to], registry })
  else if (!cli.globals.quiet) cli.out.print(`${from} is now ${to}\n`)
  return 0
}

async function rename(
  cli: Cli,
  { session, registry, from, to }: {
    session: Session
    registry: Registry
    from: string
    to: string
  },
): Promise<void> {
  const { root, signal, globals } = cli
  const guest = readGuest(root, { name: from, verb: 'rename' })
  if (guestExists(root, to)) {
    throw errors.E_EXISTS(`Cannot rename "${from}": there is a guest named "${to}"`, {
      hint: 'choose another name',
    })
  }
  if (['alive', 'unclear'].includes(readLife(root, from).kind)) {
    throw errors.E_RUNNING(`Cannot rename "${from}": it is running`, {
      hint: `vserver stop ${from} stops it`,
    })
  }
  const namesHost = configOf(guest, registry).hostname === from
  const patience = { verb: 'rename', timeoutMs: globals.lockTimeoutMs, signal }
  await renameGuest(session, { root, guest, name: to, namesHost, patience })
}

/** Guests whose file says that they come after this one. A broken file says nothing. */
function followers(
  cli: Cli,
  { registry, name }: { registry: Registry; name: string },
): readonly string[] {
  return listGuests(cli.root).filter((other) => {
    try {
      const stored = readGuest(cli.root, { name: other, verb: 'read' })
      return configOf(stored, registry).after.includes(name)
    } catch (error) {
      if (error instanceof VServerError) return false
      throw error
    }
  })
}
