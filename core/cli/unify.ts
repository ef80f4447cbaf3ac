/**
 * `vserver unify [NAME…]`: equal files of guests become one.
 *
 * @module
 */
import { join } from 'node:path'
import process from 'node:process'
import { busy, errors, guestUnknown } from '../errors.ts'
import { configOf } from '../guest/config_of.ts'
import { readHostConfig } from '../guest/host_config.ts'
import { readLife } from '../guest/life.ts'
import { moveOut } from '../guest/move_out.ts'
import { checkPattern } from '../guest/name.ts'
import { guestExists, listGuests, readGuest, type StoredGuest } from '../guest/store.ts'
import { undoSharing } from '../guest/undo.ts'
import { guestOf, type GuestTrees, listTrees } from '../guest/unify.ts'
import { becomeBackground } from '../host/background.ts'
import { withSession } from '../host/executor.ts'
import { fullDiskHint } from '../host/full_disk.ts'
import { errno, errnoName } from '../linux/errno.ts'
import type { Session } from '../plan/session.ts'
import type { Registry } from '../plugin/registry.ts'
import { forgetGone } from '../unify/forget.ts'
import { type Index, withIndex } from '../unify/index_file.ts'
import { type UnifyRequest, type UnifyResult, unifyTrees } from '../unify/run.ts'
import type { FileNode, Name, Tree } from '../unify/tree.ts'
import { verifyStore } from '../unify/verify.ts'
import { usage } from './argv.ts'
import { sweepDead } from './clean.ts'
import { executorOf, forEachName, registryOf, useRoot, withGuestLock } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'
import { showUnified, showVerified, unifiedJson, verifiedJson } from './unified.ts'
import { withUnifyLock } from './unify_lock.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const names = args.positionals
  if (args.flag('undo') && names.length === 0) {
    throw usage({ verb: 'unify' }, '--undo needs the name of a guest')
  }
  for (const name of names) checkPattern('unify', name)
  useRoot(cli)
  for (const name of names) if (!guestExists(cli.root, name)) throw guestUnknown('unify', name)
  const registry = await registryOf(cli)
  let code = 0
  await withSession(executorOf(cli), async (session) => {
    await sweepDead(cli, session)
    if (args.flag('undo')) {
      code = await forEachName(cli, names, (name) => undo(cli, session, name))
      return
    }
    if (args.flag('auto')) await becomeBackground(session)
    const { lockTimeoutMs: timeoutMs } = cli.globals
    const deed = async (store: string, openHelpers: UnifyRequest['openHelpers']) => {
      const chosen = names.length === 0 ? listGuests(cli.root) : names
      const dryRun = args.flag('dry-run')
      const ignoreTimes = args.flag('ignore-times')
      const options = { registry, chosen, dryRun, ignoreTimes, store, openHelpers }
      const onDamage = (aside: string) =>
        cli.out.note(`the index was damaged, and is made anew; the old one is "${aside}"`)
      const place = { path: join(cli.root.lib, 'index.sqlite'), onDamage }
      if (args.flag('verify')) {
        const host = { session, store, registry }
        code = await withIndex(place, (index) => verify(cli, { ...host, index }))
        return
      }
      const { result, trees } = await withIndex(
        place,
        (index) => unify(cli, { session, index, options }),
      )
      cli.out.endProgress()
      if (cli.globals.json) cli.out.print(unifiedJson(result, { trees, dryRun }))
      else if (!cli.globals.quiet) cli.out.print(showUnified(result, { trees, dryRun }))
      refuseFullDisk(result)
    }
    const got = await withUnifyLock(cli, session, { verb: 'unify', timeoutMs, deed })
    if ('holder' in got) throw busy('unify', 'the files of guests', got.holder)
  })
  return code
}

interface Options {
  readonly registry: Registry
  /** Guests whose writable layers are looked at, unless they run. */
  readonly chosen: readonly string[]
  readonly dryRun: boolean
  readonly ignoreTimes: boolean
  readonly store: string
  readonly openHelpers: UnifyRequest['openHelpers']
}

async function unify(
  cli: Cli,
  { session, index, options }: { session: Session; index: Index; options: Options },
): Promise<{ result: UnifyResult; trees: GuestTrees }> {
  const { registry, dryRun, store } = options
  const host = readHostConfig(cli.root).unify
  const isStopped = (name: string) => readLife(cli.root, name).kind === 'none'
  const trees = listTrees(cli.root, {
    excludes: host.exclude,
    excludesOf: (guest) => excludesOf(guest, registry),
    stopped: options.chosen.filter(isStopped),
  })
  const { lib } = cli.root
  if (!dryRun) {
    const there = new Set(trees.trees.map(({ id }) => id))
    const gone = [...index.trees().keys()].filter((id) => !there.has(id))
    await forgetGone(session, { lib, store, gone, withIndex: (forget) => forget(index) })
  }
  const users = new Map(trees.users)
  const result = await unifyTrees(session, {
    trees: trees.trees,
    store,
    index,
    dryRun,
    ignoreTimes: options.ignoreTimes || host.ignoreTimes,
    signal: cli.signal,
    openHelpers: options.openHelpers,
    progress: progressOf(cli),
    async moveOut(tree, files) {
      const moved = await moveOutOf(cli, { session, tree, files })
      for (const { tree: { id } } of moved.values()) users.set(id, [guestOf(tree)])
      return moved
    },
  })
  return { result, trees: { ...trees, users } }
}

/** A guest's file that cannot be read keeps nothing from being shared but what that file might say. */
function excludesOf(guest: StoredGuest, registry: Registry): readonly string[] {
  return guest.text.includes('unify') ? configOf(guest, registry).unify.exclude : []
}

/** Gives a guest files of its own. */
async function undo(cli: Cli, session: Session, name: string): Promise<void> {
  const { root, signal, globals: { lockTimeoutMs: timeoutMs, quiet } } = cli
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
  if (quiet) return
  cli.out.print(
    layers === 0
      ? `${name} shares nothing but its template\n`
      : `${name} has files of its own; vserver set ${name} unify.exclude=[/] keeps it so\n`,
  )
}

/** Reads all that is shared again. @returns 1 when something is damaged and could not be repaired */
async function verify(
  cli: Cli,
  { session, index, store, registry }: {
    session: Session
    index: Index
    store: string
    registry: Registry
  },
): Promise<number> {
  const host = readHostConfig(cli.root).unify
  const { trees } = listTrees(cli.root, {
    excludes: host.exclude,
    excludesOf: (guest) => excludesOf(guest, registry),
    stopped: [],
  })
  const progress = progressOf(cli)
  const { signal } = cli
  const verified = await verifyStore(session, { trees, store, index, signal, progress })
  cli.out.endProgress()
  if (cli.globals.json) cli.out.print(verifiedJson(verified))
  else if (!cli.globals.quiet || verified.damaged.length > 0) cli.out.print(showVerified(verified))
  return verified.damaged.every(({ repaired }) => repaired) ? 0 : 1
}

/** Shows how far it is. */
function progressOf(cli: Cli): UnifyRequest['progress'] {
  const started = process.uptime()
  return ({ phase, done, total, unit }) =>
    cli.out.progress({
      phase,
      done,
      total,
      unit,
      ...(unit === 'trees' ? {} : { perSecond: done / (process.uptime() - started) }),
    })
}

/** A guest that is locked, or was started meanwhile, keeps its files. */
async function moveOutOf(
  cli: Cli,
  { session, tree, files }: { session: Session; tree: Tree; files: readonly FileNode[] },
): Promise<ReadonlyMap<Name, Name>> {
  const name = guestOf(tree)
  const { root, signal, globals: { lockTimeoutMs: timeoutMs } } = cli
  try {
    return await withGuestLock(cli, { session, name, verb: 'unify' }, async () => {
      if (!guestExists(root, name) || readLife(root, name).kind !== 'none') return new Map()
      return await moveOut(session, {
        root,
        guest: readGuest(root, { name, verb: 'unify' }),
        files,
        excludes: tree.excludes,
        patience: { verb: 'unify', timeoutMs, signal },
      })
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'E_BUSY')) throw error
    cli.out.note(`${name} is in use by another command, and keeps what it wrote`)
    return new Map()
  }
}

function refuseFullDisk({ failures }: UnifyResult): void {
  const full = failures.find((failure) =>
    failure.errno === errno.ENOSPC || failure.errno === errno.EDQUOT
  )
  if (full === undefined) return
  throw errors.E_DISK_FULL(
    `Cannot unify everything: ${failures.length} files failed, with ${errnoName(full.errno)}`,
    { hint: fullDiskHint },
  )
}
