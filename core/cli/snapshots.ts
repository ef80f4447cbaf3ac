/**
 * `vserver snapshots NAME [--create SNAPSHOT | --rollback SNAPSHOT | --delete SNAPSHOT]`
 *
 * @module
 */
import { errors } from '../errors.ts'
import { readLife } from '../guest/life.ts'
import type { Snapshot } from '../guest/meta.ts'
import { checkPattern } from '../guest/name.ts'
import {
  checkSnapshotName,
  createSnapshot,
  deleteSnapshot,
  rollBack,
  type SnapshotRequest,
} from '../guest/snapshot.ts'
import { formatTable } from '../guest/status.ts'
import { guestExists, readGuest } from '../guest/store.ts'
import { withSession } from '../host/executor.ts'
import type { Session } from '../plan/session.ts'
import { usage } from './argv.ts'
import { removeRunDir, settle, sweepDead } from './clean.ts'
import { executorOf, useRoot, withGuestLock } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'

const deeds = ['create', 'rollback', 'delete'] as const
type Deed = typeof deeds[number]

/** What was done, for people and for programs. */
interface Done {
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [guest = ''] = args.positionals
  checkPattern('show snapshots of', guest)
  const asked = deeds.filter((deed) => args.text(deed) !== undefined)
  const [deed] = asked
  if (asked.length > 1) {
    throw usage({ verb: 'snapshots' }, `--${asked[0]} and --${asked[1]} exclude each other`)
  }
  if (deed === undefined) {
    list(cli, guest)
    return 0
  }
  const name = args.text(deed) ?? ''
  checkSnapshotName(`${deed} snapshot`, name)
  useRoot(cli)
  const done = await withSession(executorOf(cli), async (session) => {
    await sweepDead(cli, session)
    readGuest(cli.root, { name: guest, verb: 'snapshot' })
    await settle(cli, { name: guest, verb: 'snapshot' })
    return await withGuestLock(cli, { session, name: guest, verb: 'snapshots' }, async () => {
      try {
        return await change(cli, { session, deed, guest, name })
      } finally {
        cli.out.endProgress()
        if (!guestExists(cli.root, guest)) removeRunDir(cli, guest)
      }
    })
  })
  if (cli.globals.json) cli.out.print(`${JSON.stringify({ guest, ...done.json })}\n`)
  else if (!cli.globals.quiet) cli.out.print(done.text)
  return 0
}

function list(cli: Cli, guest: string): void {
  const { meta: { snapshots } } = readGuest(cli.root, { name: guest, verb: 'show snapshots of' })
  if (cli.globals.json) return cli.out.print(`${JSON.stringify(snapshots.map(shown))}\n`)
  if (cli.globals.quiet) return cli.out.print(snapshots.map(({ name }) => `${name}\n`).join(''))
  const rows = snapshots.map(({ name, createdAt, layers, automatic }) => [
    name,
    createdAt,
    String(layers.length),
    automatic ? 'by a rollback' : '',
  ])
  return cli.out.print(formatTable([['NAME', 'CREATED', 'LAYERS', 'MADE'], ...rows]))
}

function shown({ name, createdAt, layers, automatic }: Snapshot) {
  return { name, createdAt, layers, automatic }
}

interface Change {
  readonly session: Session
  readonly deed: Deed
  readonly guest: string
  /** Of the snapshot. */
  readonly name: string
}

async function change(cli: Cli, { session, deed, guest, name }: Change): Promise<Done> {
  const { root, signal, globals } = cli
  const verb = deed === 'create' ? 'snapshot' : deed === 'rollback' ? 'roll back' : 'change'
  const request: SnapshotRequest = {
    root,
    guest: readGuest(root, { name: guest, verb }),
    name,
    patience: { verb, timeoutMs: globals.lockTimeoutMs, signal },
  }
  switch (deed) {
    case 'create':
      return await create(cli, { session, request })
    case 'rollback': {
      if (readLife(root, guest).kind === 'alive') {
        throw errors.E_RUNNING(`Cannot roll back "${guest}": it is running`, {
          hint: `vserver stop ${guest} stops it`,
        })
      }
      const kept = await rollBack(session, request)
      const also = kept === undefined ? '' : `; what it was is now ${guest}@${kept.name}`
      return {
        text: `${guest} is back at ${name}${also}\n`,
        json: { rolledBackTo: name, kept: kept === undefined ? null : shown(kept) },
      }
    }
    case 'delete':
      await deleteSnapshot(session, request)
      return { text: `${guest}@${name} deleted\n`, json: { deleted: name } }
    default:
      return deed satisfies never
  }
}

async function create(
  cli: Cli,
  { session, request }: { session: Session; request: SnapshotRequest },
): Promise<Done> {
  const { guest, name } = request
  if (readLife(cli.root, guest.name).kind !== 'alive') {
    const snapshot = await createSnapshot(session, request)
    return { text: `${guest.name}@${name} created\n`, json: { created: shown(snapshot) } }
  }
  const { createLiveSnapshot } = await import('../guest/live.ts')
  const host = { executor: executorOf(cli), signal: cli.signal, progress: cli.out.progress }
  const { snapshot, freezeMs } = await createLiveSnapshot(session, { ...request, host })
  return {
    text: `${guest.name}@${name} created; ${guest.name} stood still for ${freezeMs} ms\n`,
    json: { created: shown(snapshot), freezeMs },
  }
}
