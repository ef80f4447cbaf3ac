/**
 * `vserver destroy NAME…`
 *
 * @module
 */
import { createInterface } from 'node:readline'
import process from 'node:process'
import { isatty } from 'node:tty'
import { releaseCgroups } from '../cgroup/prepare.ts'
import { errors, guestUnknown, VServerError } from '../errors.ts'
import { configOf } from '../guest/config_of.ts'
import { readText } from '../guest/files.ts'
import { collectLayers } from '../guest/layers.ts'
import { parseMeta } from '../guest/meta.ts'
import { startLevels } from '../guest/order.ts'
import { readLife } from '../guest/read_status.ts'
import { guestExists, listGuests, readGuest, retireGuest } from '../guest/store.ts'
import { sweep } from '../guest/sweep.ts'
import { withSession } from '../host/executor.ts'
import { endCgroupHost } from '../host/facts.ts'
import { releaseIds } from '../host/ids.ts'
import { guestDir } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import type { Registry } from '../plugin/registry.ts'
import { usage } from './argv.ts'
import { removeRunDir, settle, sweepDead } from './clean.ts'
import { collectShared } from './collect.ts'
import { executorOf, forEachName, registryOf, selectNames, useRoot, withGuestLock } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const names = selectNames(cli, args, 'destroy')
  useRoot(cli)
  const known = names.filter((name) => guestExists(cli.root, name))
  if (!args.flag('yes') && known.length > 0 && !await confirm(cli, known)) {
    cli.out.note('nothing was destroyed')
    return 1
  }
  return await withSession(executorOf(cli), async (session) => {
    await sweepDead(cli, session)
    const destroyed: string[] = []
    const code = await forEachName(cli, await lastFirst(cli, names), async (name) => {
      await destroy(cli, session, name)
      destroyed.push(name)
      if (!cli.globals.quiet && !cli.globals.json) cli.out.print(`${name} destroyed\n`)
    })
    await collectShared(cli, session)
    if (destroyed.length > 0 && listGuests(cli.root).length === 0) {
      const { digest6 } = cli.root
      await releaseCgroups(session, endCgroupHost(digest6), digest6)
    }
    if (cli.globals.json) {
      cli.out.print(`${JSON.stringify(destroyed.map((name) => ({ name, destroyed: true })))}\n`)
    }
    return code
  })
}

/** Those that come `after` others first. Broken files must not keep guests from being destroyed. */
async function lastFirst(cli: Cli, names: readonly string[]): Promise<readonly string[]> {
  if (names.length < 2) return names
  const registry = await registryOf(cli)
  const after = new Map(names.map((name) => [name, afterOf(cli, { name, registry })]))
  try {
    return startLevels(names, after).toReversed().flat()
  } catch (error) {
    if (error instanceof VServerError && error.code === 'E_CYCLE') return names
    throw error
  }
}

function afterOf(
  cli: Cli,
  { name, registry }: { name: string; registry: Registry },
): readonly string[] {
  try {
    return configOf(readGuest(cli.root, { name, verb: 'destroy' }), registry).after
  } catch (error) {
    if (error instanceof VServerError) return []
    throw error
  }
}

/** Asks on a terminal. Elsewhere nobody could answer. */
async function confirm(cli: Cli, names: readonly string[]): Promise<boolean> {
  if (!isatty(0) || !isatty(2)) {
    throw usage(
      { verb: 'destroy' },
      'this removes all files of the guests, and nobody can be asked',
      {
        hint: `vserver destroy ${names.join(' ')} --yes`,
      },
    )
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const list = names.map((name) => `"${name}"`).join(', ')
  try {
    return await new Promise<boolean>((resolve, reject) => {
      cli.signal.addEventListener('abort', () => reject(cli.signal.reason))
      // readline takes ^C away from the process while it reads.
      lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
      lines.once('close', () => resolve(false))
      lines.question(
        `Destroy ${list} and all their files? [y/N] `,
        (answer) => resolve(/^y(es)?$/i.test(answer.trim())),
      )
    })
  } finally {
    lines.close()
  }
}

async function destroy(cli: Cli, session: Session, name: string): Promise<void> {
  const { root } = cli
  if (!guestExists(root, name)) throw guestUnknown('destroy', name)
  await settle(cli, { name, verb: 'destroy' })
  const gone = await withGuestLock(cli, { session, name, verb: 'destroy' }, () => {
    if (!guestExists(root, name)) throw guestUnknown('destroy', name)
    if (['alive', 'unclear'].includes(readLife(root, name).kind)) {
      throw errors.E_RUNNING(`Cannot destroy "${name}": it is running`, {
        hint: `vserver stop ${name} stops it`,
      })
    }
    const dir = guestDir(root, name)
    const first = recordedIds(dir)
    const retired = retireGuest(root, name)
    // A crash here leaves a claim without its guest, which the next create takes.
    if (first !== undefined) releaseIds(first, dir)
    removeRunDir(cli, name)
    return Promise.resolve(retired)
  })
  cli.out.progress({ phase: `removing the files of ${name}` })
  const { lockTimeoutMs: timeoutMs } = cli.globals
  await collectLayers(session, root, { verb: 'destroy', timeoutMs, signal: cli.signal })
  await sweep(session, gone)
  cli.out.endProgress()
}

/** A guest with a damaged record can be destroyed too: its claim is then found to be stale. */
function recordedIds(dir: string): number | undefined {
  const text = readText(`${dir}/meta.json`)
  if (text === undefined) return undefined
  try {
    return parseMeta(`${dir}/meta.json`, text).ids.first
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'E_FORMAT') return undefined
    throw error
  }
}
