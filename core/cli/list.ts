/**
 * `vserver list [NAME…]`
 *
 * @module
 */
import { guestUnknown } from '../errors.ts'
import { isCode } from '../guest/files.ts'
import { readStatus } from '../guest/read_status.ts'
import { formatList, type GuestStatus, statusesJson } from '../guest/status.ts'
import { guestExists, listGuests, readGuest } from '../guest/store.ts'
import { withSession } from '../host/executor.ts'
import type { Registry } from '../plugin/registry.ts'
import { hasLeftovers, settle, sweepDead } from './clean.ts'
import { executorOf, forEachName, registryOf, selectNames } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const given = args.positionals.length > 0
  const names = given ? selectNames(cli, args, 'list') : listGuests(cli.root)
  const { statuses, code } = await collect(cli, { names, verb: 'list', given })
  if (cli.globals.json) cli.out.print(statusesJson(statuses))
  else if (cli.globals.quiet) cli.out.print(statuses.map(({ card }) => `${card.name}\n`).join(''))
  else if (statuses.length > 0 || names.length === 0) cli.out.print(formatList(statuses))
  return code
}

/**
 * Looks at guests, after cleaning up what died. Errors are reported; the others are given back.
 *
 * @param given by their names: one that was destroyed meanwhile is missed then
 */
export async function collect(
  cli: Cli,
  { names, verb, given }: { names: readonly string[]; verb: string; given: boolean },
): Promise<{ statuses: readonly GuestStatus[]; code: number }> {
  const registry = await registryOf(cli)
  if (hasLeftovers(cli)) await withSession(executorOf(cli), (session) => sweepDead(cli, session))
  const statuses: GuestStatus[] = []
  const look = async (name: string) => {
    if (!guestExists(cli.root, name)) throw guestUnknown(verb, name)
    await settle(cli, { name, verb })
    const status = readStatus(readGuest(cli.root, { name, verb }), { root: cli.root, registry })
    statuses.push(status)
    if (status.problem !== undefined && verb === 'list') cli.out.note(status.problem)
  }
  const code = await forEachName(cli, names, async (name) => {
    try {
      await look(name)
    } catch (error) {
      if (given || !isCode(error, 'E_GUEST_UNKNOWN')) throw error
    }
  })
  return { statuses, code }
}

/** The status array that verbs print with --json: of all names that are guests. */
export function printStatuses(
  cli: Cli,
  guests: { names: readonly string[]; registry: Registry },
): void {
  cli.out.print(statusesOf(cli, guests))
}

/** The text of that array. */
export function statusesOf(
  cli: Cli,
  { names, registry }: { names: readonly string[]; registry: Registry },
): string {
  const statuses = names.filter((name) => guestExists(cli.root, name)).map((name) =>
    readStatus(readGuest(cli.root, { name, verb: 'show' }), { root: cli.root, registry })
  )
  return statusesJson(statuses)
}
