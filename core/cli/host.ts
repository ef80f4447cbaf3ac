/**
 * What verbs share: the executor, the plugins, locks, and guests by name.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { busy } from '../errors.ts'
import { checkPattern } from '../guest/name.ts'
import { listGuests, pendingMove } from '../guest/store.ts'
import { type Executor, findExecutor } from '../host/executor.ts'
import { takeLock } from '../host/lock.ts'
import { ensureDirectory, prepareRoot } from '../host/root_dirs.ts'
import { guestDir, runDir } from '../host/root.ts'
import { errno } from '../linux/errno.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import { pluginInputs } from '../plugin/place.ts'
import { makeRegistry, type Registry } from '../plugin/registry.ts'
import { usage } from './argv.ts'
import type { Cli, VerbArgs } from './types.ts'

/** The executor that the environment names. */
export function executorOf({ env }: Cli): Executor {
  return findExecutor(env['VSERVER_EXECUTOR'] ?? '', env['VSERVER_BUILD'])
}

/** Everything that the plugins contribute. */
export async function registryOf(cli: Cli): Promise<Registry> {
  const broken = await cli.broken()
  return makeRegistry(await cli.plugins(), { files: pluginInputs(cli.root), broken })
}

/** Every state directory is there and safe afterwards. */
export function useRoot(cli: Cli): void {
  prepareRoot(cli.root)
}

/**
 * The guests that a verb is for: the names given, each once, or with `--all` every guest there is.
 *
 * @throws {VServerError} E_USAGE, E_NAME
 */
export function selectNames(cli: Cli, args: VerbArgs, verb: string): readonly string[] {
  const { positionals } = args
  if (args.flag('all')) {
    if (positionals.length > 0) throw usage({ verb }, '--all and names exclude each other')
    return listGuests(cli.root)
  }
  if (positionals.length === 0) throw usage({ verb }, 'the name of a guest is missing')
  for (const name of positionals) checkPattern(verb, name)
  return [...new Set(positionals)]
}

export interface LockedDeed {
  readonly session: Session
  readonly name: string
  readonly verb: string
}

/**
 * Does something while the guest's lock is held.
 *
 * @throws {VServerError} E_BUSY when it does not become free in time
 */
export async function withGuestLock<T>(
  cli: Cli,
  { session, name, verb }: LockedDeed,
  deed: () => Promise<T>,
): Promise<T> {
  const got = await lockGuest(cli, { session, name, verb })
  if ('holder' in got) throw busy(verb, name, got.holder)
  try {
    const dir = guestDir(cli.root, name)
    if (existsSync(pendingMove(dir))) {
      const { finishMove } = await import('../guest/pending_move.ts')
      await finishMove(session, { root: cli.root, dir })
    }
    return await deed()
  } finally {
    await got.lock.release()
  }
}

/**
 * Does something while the locks of several guests are held. They are taken in the order of the names, so
 * that two commands never wait for each other.
 *
 * @throws {VServerError} E_BUSY when one does not become free in time
 */
export async function withGuestLocks<T>(
  cli: Cli,
  { session, names, verb }: { session: Session; names: readonly string[]; verb: string },
  deed: () => Promise<T>,
): Promise<T> {
  const sorted = [...new Set(names)].toSorted()
  const nested = sorted.reduceRight(
    (inner, name) => () => withGuestLock(cli, { session, name, verb }, inner),
    deed,
  )
  return await nested()
}

/** The directory goes with the guest, and may do so just before the lock in it is opened. */
async function lockGuest(cli: Cli, { session, name, verb }: LockedDeed) {
  const directory = runDir(cli.root, name)
  for (let tries = 0;; tries++) {
    ensureDirectory(directory)
    try {
      return await takeLock(session, join(directory, 'lock'), {
        verb,
        timeoutMs: cli.globals.lockTimeoutMs,
        signal: cli.signal,
      })
    } catch (error) {
      const gone = error instanceof OpFailure && error.errno === errno.ENOENT
      if (!gone || tries === 100) throw error
    }
  }
}

/** Does something for each name, one after the other; every one is tried. The highest exit code. */
export async function forEachName(
  cli: Cli,
  names: readonly string[],
  deed: (name: string) => Promise<void>,
): Promise<number> {
  let worst = 0
  for (const name of names) {
    cli.signal.throwIfAborted()
    try {
      await deed(name)
    } catch (error) {
      worst = Math.max(worst, cli.fail(error))
    }
  }
  return worst
}
