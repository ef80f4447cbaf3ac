/**
 * `vserver clone SOURCE NAME`: another guest that shares every file with the first.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { errors } from '../errors.ts'
import { cloneGuest } from '../guest/clone.ts'
import { readIdBounds } from '../guest/id_bounds.ts'
import { hasUnfinishedLayers } from '../guest/layers.ts'
import { readLife } from '../guest/life.ts'
import { checkName, checkPattern } from '../guest/name.ts'
import { guestExists, guestThere, namesWithLeftovers, readGuest } from '../guest/store.ts'
import { withSession } from '../host/executor.ts'
import { runDir } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import { executorOf, useRoot, withGuestLocks } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'

/** Keys that a clone does not inherit: each has a host name of its own, and starts when it is told to. */
const ownKeys = ['hostname', 'autostart'] as const

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [source = '', name = ''] = args.positionals
  checkPattern('clone', source)
  checkName('create', name)
  useRoot(cli)
  await withSession(executorOf(cli), async (session) => {
    await cleanUp(cli, { session, source })
    readGuest(cli.root, { name: source, verb: 'clone' })
    await withGuestLocks(cli, { session, names: [source, name], verb: 'clone' }, async () => {
      try {
        await clone(cli, { session, source, name })
      } finally {
        if (!guestExists(cli.root, name)) {
          rmSync(runDir(cli.root, name), { recursive: true, force: true })
        }
      }
    })
  })
  if (cli.globals.json) {
    const { registryOf } = await import('./host.ts')
    const { printStatuses } = await import('./list.ts')
    printStatuses(cli, { names: [name], registry: await registryOf(cli) })
  } else if (!cli.globals.quiet) cli.out.print(`${name} cloned from ${source}\n`)
  return 0
}

/** What commands and supervisors that died left. The code for it is loaded only when there is any. */
async function cleanUp(
  cli: Cli,
  { session, source }: { session: Session; source: string },
): Promise<void> {
  const stale = ['stale', 'unclear'].includes(readLife(cli.root, source).kind)
  if (!stale && namesWithLeftovers(cli.root).length === 0 && !hasUnfinishedLayers(cli.root)) return
  const { settle, sweepDead } = await import('./clean.ts')
  await sweepDead(cli, session)
  await settle(cli, { name: source, verb: 'clone' })
}

async function clone(
  cli: Cli,
  { session, source, name }: { session: Session; source: string; name: string },
): Promise<void> {
  const { root, signal, globals } = cli
  if (guestExists(root, name)) throw guestThere(name)
  const guest = readGuest(root, { name: source, verb: 'clone' })
  if (['alive', 'unclear'].includes(readLife(root, source).kind)) {
    throw errors.E_RUNNING(`Cannot clone "${source}": it is running`, {
      hint: `vserver stop ${source} stops it`,
    })
  }
  await cloneGuest(session, {
    root,
    source: guest,
    name,
    yaml: await clonedYaml(guest),
    bounds: await readIdBounds(root),
    patience: { verb: 'clone', timeoutMs: globals.lockTimeoutMs, signal },
  })
}

/** The source's file, word for word, but for the keys that are each guest's own. */
async function clonedYaml({ file, text }: { file: string; text: string }): Promise<string> {
  if (!ownKeys.some((key) => text.includes(key))) return text
  const { editConfig } = await import('../guest/config_edit.ts')
  return editConfig({ file, text }, ownKeys.map((key) => ({ kind: 'unset', path: [key] })))
}
