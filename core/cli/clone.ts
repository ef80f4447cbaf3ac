/**
 * `vserver clone SOURCE NAME`: another guest that shares every file with the first, or with a snapshot of it.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { cloneGuest, cloneSnapshot } from '../guest/clone.ts'
import { isMarkedFrozen } from '../guest/frozen_mark.ts'
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

/** What is cloned: a guest as it is, or as it was. */
interface Source {
  readonly guest: string
  /** Name of a snapshot. */
  readonly snapshot: string | undefined
}

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [written = '', name = ''] = args.positionals
  const source = parseSource(written)
  checkPattern('clone', source.guest)
  checkName('create', name)
  useRoot(cli)
  const freezeMs = await withSession(executorOf(cli), async (session) => {
    await cleanUp(cli, { session, source: source.guest })
    readGuest(cli.root, { name: source.guest, verb: 'clone' })
    const names = [source.guest, name]
    return await withGuestLocks(cli, { session, names, verb: 'clone' }, async () => {
      try {
        return await clone(cli, { session, source, name })
      } finally {
        cli.out.endProgress()
        if (!guestExists(cli.root, name)) {
          rmSync(runDir(cli.root, name), { recursive: true, force: true })
        }
      }
    })
  })
  if (cli.globals.json) {
    const { registryOf } = await import('./host.ts')
    const { statusesOf } = await import('./list.ts')
    const statuses = statusesOf(cli, { names: [name], registry: await registryOf(cli) })
    const more = freezeMs === undefined ? statuses : withFreezeMs(statuses, freezeMs)
    cli.out.print(more)
  } else if (!cli.globals.quiet) {
    const still = freezeMs === undefined ? '' : `, which stood still for ${freezeMs} ms`
    cli.out.print(`${name} cloned from ${written}${still}\n`)
  }
  return 0
}

/** `web` or `web@before`. Pure. */
function parseSource(written: string): Source {
  const at = written.indexOf('@')
  return at === -1
    ? { guest: written, snapshot: undefined }
    : { guest: written.slice(0, at), snapshot: written.slice(at + 1) }
}

function withFreezeMs(statuses: string, freezeMs: number): string {
  const list: readonly Readonly<Record<string, unknown>>[] = JSON.parse(statuses)
  return `${JSON.stringify(list.map((one) => ({ ...one, freezeMs })))}\n`
}

/** What commands and supervisors that died left. The code for it is loaded only when there is any. */
async function cleanUp(
  cli: Cli,
  { session, source }: { session: Session; source: string },
): Promise<void> {
  const stale = ['stale', 'unclear'].includes(readLife(cli.root, source).kind) ||
    isMarkedFrozen(cli.root, source)
  if (!stale && namesWithLeftovers(cli.root).length === 0 && !hasUnfinishedLayers(cli.root)) return
  const { settle, sweepDead } = await import('./clean.ts')
  await sweepDead(cli, session)
  await settle(cli, { name: source, verb: 'clone' })
}

/** @returns how long the source stood still, where it runs */
async function clone(
  cli: Cli,
  { session, source, name }: { session: Session; source: Source; name: string },
): Promise<number | undefined> {
  const { root, signal, globals } = cli
  if (guestExists(root, name)) throw guestThere(name)
  const guest = readGuest(root, { name: source.guest, verb: 'clone' })
  const request = {
    root,
    source: guest,
    name,
    yaml: await clonedYaml(guest),
    bounds: await readIdBounds(root),
    patience: { verb: 'clone', timeoutMs: globals.lockTimeoutMs, signal },
  }
  if (source.snapshot !== undefined) {
    const { findSnapshot } = await import('../guest/snapshot.ts')
    const snapshot = findSnapshot(guest, { name: source.snapshot, verb: 'clone' })
    await cloneSnapshot(session, { ...request, snapshot })
    return undefined
  }
  if (readLife(root, source.guest).kind !== 'alive') {
    await cloneGuest(session, request)
    return undefined
  }
  const { cloneLive } = await import('../guest/live.ts')
  const host = { executor: executorOf(cli), signal, progress: cli.out.progress }
  return (await cloneLive(session, { ...request, host })).freezeMs
}

/** The source's file, word for word, but for the keys that are each guest's own. */
async function clonedYaml({ file, text }: { file: string; text: string }): Promise<string> {
  if (!ownKeys.some((key) => text.includes(key))) return text
  const { editConfig } = await import('../guest/config_edit.ts')
  return editConfig({ file, text }, ownKeys.map((key) => ({ kind: 'unset', path: [key] })))
}
