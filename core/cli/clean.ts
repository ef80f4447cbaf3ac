/**
 * Cleans up after commands and supervisors that died.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { errors } from '../errors.ts'
import { keepStart, prepareGuest } from '../guest/compile.ts'
import { isCode, readNames } from '../guest/files.ts'
import { collectLayers, hasUnfinishedLayers } from '../guest/layers.ts'
import { namePattern } from '../guest/name.ts'
import { readLife } from '../guest/life.ts'
import { guestExists, namesWithLeftovers, readGuest, sweepLeftovers } from '../guest/store.ts'
import { sweep } from '../guest/sweep.ts'
import { type Executor, withSession } from '../host/executor.ts'
import { takeLock } from '../host/lock.ts'
import { ensureDirectory } from '../host/root_dirs.ts'
import { runDir } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import { executorOf, registryOf, withGuestLock } from './host.ts'
import { nativeWords } from './native.ts'
import type { Cli } from './types.ts'

/**
 * Removes what a guest's dead supervisor left, if it is dead: by the native status verb, which runs the
 * kept TEARDOWN; where that plan is lost or damaged, by one that is compiled afresh. Takes the lock.
 *
 * @throws {VServerError} E_BUSY, E_OP
 */
export async function settle(
  cli: Cli,
  { name, verb }: { name: string; verb: string },
): Promise<void> {
  if (readLife(cli.root, name).kind !== 'stale') return
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

/** What the native status verb had to say on stderr, in one line. */
function runStatus(cli: Cli, executor: Executor, name: string): string {
  // Loaded late: it is seldom that something has died.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { stderr } = spawnSync(executor.path, nativeWords(cli, 'status', [name]), {
    argv0: 'vserver',
    encoding: 'utf8',
    env: { ...cli.env, VSERVER_EXECUTOR: executor.path, VSERVER_COMPILED: '1' },
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
  }
  for (const name of new Set([...namesWithLeftovers(cli.root), ...orphans(cli)])) {
    const directory = runDir(cli.root, name)
    ensureDirectory(directory)
    const got = await takeLock(session, join(directory, 'lock'), { verb: 'sweep', timeoutMs: 0 })
    if ('holder' in got) continue
    try {
      await sweepLeftovers(session, cli.root, name)
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
