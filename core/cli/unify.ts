/**
 * `vserver unify [NAME…]`: equal files of guests become one.
 *
 * @module
 */
import { busy, errors, guestUnknown } from '../errors.ts'
import { readLife } from '../guest/life.ts'
import { checkPattern } from '../guest/name.ts'
import { guestExists, readGuest } from '../guest/store.ts'
import { findStores, type Stores } from '../guest/stores.ts'
import { undoSharing } from '../guest/undo.ts'
import { becomeBackground } from '../host/background.ts'
import { withSession } from '../host/executor.ts'
import { inspectRoot } from '../host/root_dirs.ts'
import { fullDiskHint } from '../host/full_disk.ts'
import { errno, errnoName } from '../linux/errno.ts'
import type { Session } from '../plan/session.ts'
import { usage } from './argv.ts'
import { sweepDead } from './clean.ts'
import { executorOf, forEachName, registryOf, useRoot, withGuestLock } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'
import { showUnified, type Unified, unifiedJson } from './unified.ts'
import { unifyAll } from './unify_all.ts'
import { inTurn, type Turn } from './unify_auto.ts'
import { type OpenHelpers, withUnifyLock } from './unify_lock.ts'
import { verifyAll } from './unify_verify.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const names = args.positionals
  checkOptions(args)
  for (const name of names) checkPattern('unify', name)
  const dryRun = args.flag('dry-run')
  if (dryRun) inspectRoot(cli.root)
  else useRoot(cli)
  for (const name of names) if (!guestExists(cli.root, name)) throw guestUnknown('unify', name)
  const registry = await registryOf(cli)
  let code = 0
  await withSession(executorOf(cli), async (session) => {
    if (!dryRun) await sweepDead(cli, session)
    if (args.flag('undo')) {
      const undone: Undone[] = []
      code = await forEachName(
        cli,
        names,
        async (name) => void undone.push(await undo(cli, session, name)),
      )
      if (cli.globals.json) cli.out.print(`${JSON.stringify(undone)}\n`)
      return
    }
    const ignoreTimes = args.flag('ignore-times')
    const deed = async (stores: Stores, openHelpers?: OpenHelpers) => {
      const host = { session, stores, registry, names, dryRun, ignoreTimes, openHelpers }
      if (args.flag('verify')) code = await verifyAll(cli, host)
      else tell(cli, await unifyAll(cli, host), { dryRun })
    }
    if (args.flag('auto')) await becomeBackground(session)
    // It leaves no trace, so that it has no lock either; what it says may be old by then anyway.
    if (dryRun) return await deed(findStores(cli.root, { toRead: true }))
    if (args.flag('auto')) return await inTurn(cli, session, (turn) => locked(cli, turn, deed))
    const { lockTimeoutMs: timeoutMs } = cli.globals
    await locked(cli, { session, timeoutMs }, deed)
  })
  return code
}

async function locked(
  cli: Cli,
  { session, timeoutMs, begin }: Turn,
  deed: (stores: Stores, openHelpers: OpenHelpers) => Promise<void>,
): Promise<void> {
  const stores = findStores(cli.root)
  const got = await withUnifyLock(cli, session, {
    ...{ verb: 'unify', timeoutMs, stores },
    async deed(_, openHelpers) {
      await begin?.()
      await deed(stores, openHelpers)
    },
  })
  if ('holder' in got) throw busy('unify', 'the files of guests', got.holder)
}

function checkOptions(args: VerbArgs): void {
  if (args.flag('undo') && args.positionals.length === 0) {
    throw usage({ verb: 'unify' }, '--undo needs the name of a guest')
  }
  const [one, other] = ['dry-run', 'verify', 'undo'].filter((name) => args.flag(name))
  if (other !== undefined) {
    throw usage({ verb: 'unify' }, `--${one} and --${other} exclude each other`)
  }
}

function tell(cli: Cli, unified: Unified, { dryRun }: { dryRun: boolean }): void {
  cli.out.endProgress()
  if (cli.globals.json) cli.out.print(unifiedJson(unified, { dryRun }))
  else if (dryRun || !cli.globals.quiet) cli.out.print(showUnified(unified, { dryRun }))
  refuseFullDisk(unified)
}

interface Undone {
  readonly name: string
  /** Layers whose files are its own now. */
  readonly layers: number
}

/** Gives a guest files of its own. */
async function undo(cli: Cli, session: Session, name: string): Promise<Undone> {
  const { root, signal, globals: { lockTimeoutMs: timeoutMs, quiet, json } } = cli
  const layers = await withGuestLock(cli, { session, name, verb: 'unify' }, async () => {
    if (readLife(root, name).kind !== 'none') {
      throw errors.E_RUNNING(`Cannot unify --undo "${name}": it is running`, {
        hint: `vserver stop ${name} stops it`,
      })
    }
    return await undoSharing(session, {
      root,
      guest: readGuest(root, { name, verb: 'unify' }),
      patience: { verb: 'unify', timeoutMs, signal },
      executor: executorOf(cli),
      signal,
      progress: (event) => cli.out.progress(event),
    })
  })
  cli.out.endProgress()
  const said = layers === 0
    ? `${name} shares nothing but its template\n`
    : `${name} has files of its own; vserver set ${name} 'unify.exclude=[/]' keeps it so\n`
  if (!quiet && !json) cli.out.print(said)
  return { name, layers }
}

function refuseFullDisk({ failures }: Unified): void {
  const full = failures.find((failure) =>
    failure.errno === errno.ENOSPC || failure.errno === errno.EDQUOT
  )
  if (full === undefined) return
  throw errors.E_DISK_FULL(
    `Cannot unify everything: ${failures.length} files failed, with ${errnoName(full.errno)}`,
    { hint: fullDiskHint },
  )
}
