/**
 * Cleans up after commands and supervisors that died.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { errors, unclear } from '../errors.ts'
import { keepStart, prepareGuest } from '../guest/compile.ts'
import { isCode, readNames } from '../guest/files.ts'
import { isMarkedFrozen } from '../guest/frozen_mark.ts'
import { collectLayers, hasUnfinishedLayers } from '../guest/layers.ts'
import { namesWithParts, sweepParts } from '../guest/layer_part.ts'
import { namePattern } from '../guest/name.ts'
import { readLife, statePath } from '../guest/life.ts'
import { guestExists, namesWithLeftovers, readGuest, sweepLeftovers } from '../guest/store.ts'
import { sweep } from '../guest/sweep.ts'
import { type Executor, withSession } from '../host/executor.ts'
import { takeLock } from '../host/lock.ts'
import { ensureDirectory } from '../host/root_dirs.ts'
import { runDir } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import { collectShared } from './collect.ts'
import { executorOf, registryOf, withGuestLock } from './host.ts'
import { nativeEnv, nativeName, nativeWords } from './native.ts'
import type { Cli } from './types.ts'

/**
 * Removes what a guest's dead supervisor left, if it is dead: by the native status verb, which runs the
 * kept TEARDOWN; where that plan is lost or damaged, by one that is compiled afresh. Takes the lock.
 *
 * @throws {VServerError} E_BUSY, E_OP; E_STATE_DIR when it is not known who the supervisor is
 */
export async function settle(
  cli: Cli,
  { name, verb }: { name: string; verb: string },
): Promise<void> {
  if (isMarkedFrozen(cli.root, name)) await thawDead(cli, name)
  const { kind } = readLife(cli.root, name)
  // The native verbs of these need its supervisor only.
  if (kind === 'unclear' && verb !== 'stop' && verb !== 'kill') {
    throw unclear(verb, name, statePath(cli.root, name))
  }
  if (kind !== 'stale') return
  const executor = executorOf(cli)
  runStatus(cli, executor, name)
  if (readLife(cli.root, name).kind !== 'stale') return
  await withSession(executor, async (session) => {
    await withGuestLock(cli, { session, name, verb }, async () => {
      const registry = await registryOf(cli)
      const guest = await prepareGuest(readGuest(cli.root, { name, verb }), {
        root: cli.root,
        registry,
        verb,
      })
      await keepStart({ root: cli.root, executor, session, registry }, guest)
    })
  })
  const said = runStatus(cli, executor, name)
  if (readLife(cli.root, name).kind !== 'stale') return
  throw errors.E_OP(`Cannot ${verb} "${name}": cannot remove what its dead supervisor left`, {
    hint: said === '' ? undefined : said,
  })
}

/** Lets a guest go on that a command held still when it was killed. One that lives has its lock. */
async function thawDead(cli: Cli, name: string): Promise<void> {
  const { thawLeft } = await import('../guest/freeze.ts')
  await withSession(executorOf(cli), async (session) => {
    const path = join(runDir(cli.root, name), 'lock')
    const got = await takeLock(session, path, { verb: 'sweep', timeoutMs: 0 })
    if ('holder' in got) return
    try {
      await thawLeft(session, cli.root, name)
    } finally {
      await got.lock.release()
    }
  })
}

/** What the native status verb had to say on stderr, in one line. */
function runStatus(cli: Cli, executor: Executor, name: string): string {
  // Loaded late: it is seldom that something has died.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { stderr } = spawnSync(executor.path, nativeWords(cli, 'status', [name]), {
    argv0: nativeName,
    encoding: 'utf8',
    env: nativeEnv(cli, executor),
  })
  return stderr?.split('\n')[0] ?? ''
}

/**
 * Removes what creates and destroys that died left on disk. What a living command is still making is told
 * by its lock, and stays.
 */
export async function sweepDead(cli: Cli, session: Session): Promise<void> {
  // Before what names them goes: a destroyed guest's directory tells that layers may be garbage.
  if (namesWithLeftovers(cli.root).length > 0 || hasUnfinishedLayers(cli.root)) {
    const { lockTimeoutMs: timeoutMs } = cli.globals
    await collectLayers(session, cli.root, { verb: 'sweep', timeoutMs, signal: cli.signal })
    await collectShared(cli, session)
  }
  const names = [...namesWithLeftovers(cli.root), ...namesWithParts(cli.root), ...orphans(cli)]
  for (const name of new Set(names)) {
    const directory = runDir(cli.root, name)
    ensureDirectory(directory)
    const got = await takeLock(session, join(directory, 'lock'), { verb: 'sweep', timeoutMs: 0 })
    if ('holder' in got) continue
    try {
      await sweepLeftovers(session, cli.root, name)
      await sweepParts(session, cli.root, name)
      if (!guestExists(cli.root, name)) removeRunDir(cli, name)
    } finally {
      await got.lock.release()
    }
  }
  await sweepTemplates(cli, session)
}

async function sweepTemplates(cli: Cli, session: Session): Promise<void> {
  const templates = join(cli.root.lib, 'templates')
  for (const entry of readNames(templates)) {
    const id = /^\.new-(.+)-[0-9a-f]{12}$/.exec(entry)?.[1]
    if (id === undefined) continue
    const locks = join(cli.root.run, 'templates')
    ensureDirectory(locks)
    const path = join(locks, `${id}.lock`)
    const got = await takeLock(session, path, { verb: 'sweep', timeoutMs: 0 })
    if ('holder' in got) continue
    try {
      await sweep(session, join(templates, entry))
    } finally {
      await got.lock.release()
    }
  }
}

/** Names with a runtime directory, but without a guest. */
function orphans({ root }: Cli): readonly string[] {
  return readNames(join(root.run, 'guests'))
    .filter((name) => namePattern.test(name) && !guestExists(root, name))
}

/** Whether there is anything for {@link sweepDead}. */
export function hasLeftovers(cli: Cli): boolean {
  return namesWithLeftovers(cli.root).length > 0 || orphans(cli).length > 0 ||
    hasUnfinishedLayers(cli.root) ||
    readNames(join(cli.root.lib, 'templates')).some((name) => name.startsWith('.new-'))
}

/**
 * Removes the runtime directory of a guest that is no more. The caller holds the lock in it; whoever
 * waits for that lock sees that its file has no name any more, and looks again.
 */
export function removeRunDir(cli: Cli, name: string): void {
  try {
    rmSync(runDir(cli.root, name), { recursive: true, force: true })
  } catch (error) {
    // Who waited for the lock has made it anew: the directory is theirs now.
    if (!isCode(error, 'ENOTEMPTY')) throw error
  }
}
