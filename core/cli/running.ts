/**
 * What `exec`, `enter` and `console` need of a guest: that it runs.
 *
 * @module
 */
import { join } from 'node:path'
import { notRunning } from '../errors.ts'
import { keepEnter, prepareGuest } from '../guest/compile.ts'
import { readKept } from '../guest/files.ts'
import { decodeKept } from '../guest/kept.ts'
import { checkPattern } from '../guest/name.ts'
import { readLife } from '../guest/read_status.ts'
import { readGuest } from '../guest/store.ts'
import { type Executor, withSession } from '../host/executor.ts'
import { probeFacts } from '../host/facts.ts'
import { bootId } from '../host/process.ts'
import { runDir } from '../host/root.ts'
import { settle } from './clean.ts'
import { executorOf, registryOf } from './host.ts'
import type { Cli } from './types.ts'

/**
 * @param verb with its preposition, for messages: `exec in`
 * @throws {VServerError} E_NAME, E_GUEST_UNKNOWN, E_NOT_RUNNING
 */
export async function checkRunning(
  cli: Cli,
  { name, verb }: { name: string; verb: string },
): Promise<Executor> {
  checkPattern(verb, name)
  readGuest(cli.root, { name, verb })
  const executor = executorOf(cli)
  await settle(cli, { name, verb })
  if (readLife(cli.root, name).kind !== 'alive') throw notRunning(verb, name)
  return executor
}

/** Makes sure of a usable `enter.kept`, without the guest's lock: it is written whole or not at all. */
export async function ensureEnter(
  cli: Cli,
  { executor, name, verb }: { executor: Executor; name: string; verb: string },
): Promise<void> {
  const life = readLife(cli.root, name)
  // A guest of an older build is entered by the executor and the plan of that build.
  if (life.kind === 'alive' && life.record.build !== executor.build) return
  const kept = readKept(join(runDir(cli.root, name), 'enter.kept'))
  if (kept !== undefined && isCurrent(kept, executor)) return
  const registry = await registryOf(cli)
  const guest = await prepareGuest(readGuest(cli.root, { name, verb }), {
    root: cli.root,
    registry,
    verb,
  })
  await withSession(executor, async (session) => {
    const facts = await probeFacts(session, guest.input)
    keepEnter({ root: cli.root, executor, session, registry }, { guest, facts })
  })
}

function isCurrent(bytes: Uint8Array, executor: Executor): boolean {
  try {
    const { build, boot } = decodeKept(bytes)
    return Buffer.from(build).toString('hex') === executor.build &&
      Buffer.from(boot).toString('hex') === bootId()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'E_PLAN') return false
    throw error
  }
}
