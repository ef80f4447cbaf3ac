/**
 * Reads how a guest is.
 *
 * @module
 */
import { join } from 'node:path'
import { VServerError } from '../errors.ts'
import { bootClockMs } from '../host/process.ts'
import { type Root, runDir } from '../host/root.ts'
import { card as position } from '../plan/abi.ts'
import type { Registry } from '../plugin/registry.ts'
import { type Card, shownCgroup } from './card.ts'
import { cardOf } from './compile.ts'
import { configOf } from './config_of.ts'
import type { GuestConfig } from './config.ts'
import { parseExit } from './exit.ts'
import { readKept, readText } from './files.ts'
import { decodeKept } from './kept.ts'
import { type Life, readLife } from './life.ts'
import { pendingKeys, readStarted, startKeys } from './pending.ts'
import type { GuestStatus, StateWord } from './status.ts'
import type { StoredGuest } from './store.ts'

export type { Life }
export { readLife }

/**
 * Puts together what `status` shows. A stale guest counts as failed: the caller cleans up first.
 */
export function readStatus(
  stored: StoredGuest,
  { root, registry }: { root: Root; registry: Registry },
): GuestStatus {
  const life = readLife(root, stored.name)
  const config = readConfig(stored, registry)
  // Empty after a power failure: the supervisor does not wait for the disk.
  const lastExit = readText(join(stored.dir, 'exit.json'))?.trimEnd() || undefined
  const record = life.kind === 'alive' ? life.record : undefined
  const up = record !== undefined && record.init.pid !== 0
  return {
    state: stateWord(life, lastExit),
    initPid: up ? record.init.pid : undefined,
    startedAtMs: up ? Number(record.startedAtNs / 1_000_000n) : undefined,
    uptimeMs: up
      ? Math.max(0, bootClockMs() - Number(record.startedBootNs / 1_000_000n))
      : undefined,
    restarts: record?.restarts ?? 0,
    lastExit,
    card: readCard(stored, { root, config, running: record !== undefined }),
    pending: record === undefined || config instanceof VServerError
      ? []
      : pendingKeys(readStarted(root, stored.name) ?? startKeys(config), startKeys(config)),
    problem: config instanceof VServerError ? config.message : undefined,
  }
}

function stateWord(life: Life, lastExit: string | undefined): StateWord {
  if (life.kind === 'alive') return life.record.state
  if (lastExit === undefined) return life.kind === 'stale' ? 'failed' : 'created'
  const { reason } = parseExit(lastExit)
  return life.kind === 'stale' || reason === 'failed' || reason === 'lost' ? 'failed' : 'stopped'
}

/** What guest.yaml says, or why it says nothing. */
function readConfig(stored: StoredGuest, registry: Registry): GuestConfig | VServerError {
  try {
    return configOf(stored, registry)
  } catch (error) {
    if (error instanceof VServerError) return error
    throw error
  }
}

/** A guest that runs is shown as it was started, and so is one whose file is broken just now. */
function readCard(
  stored: StoredGuest,
  { root, config, running }: {
    root: Root
    config: GuestConfig | VServerError
    running: boolean
  },
): Card {
  const broken = config instanceof VServerError
  const kept = running || broken ? keptText(root, stored.name) : undefined
  if (kept !== undefined) return keptCard(kept, stored)
  if (!broken) return cardOf(stored, config, root)
  const { name, meta } = stored
  return {
    name,
    from: meta.from,
    template: meta.template,
    ids: meta.ids,
    cgroup: shownCgroup(root.digest6, name),
    network: '-',
  }
}

/** The card in a guest's kept plan; `undefined` when there is none, or it is damaged. */
function keptText(root: Root, name: string): readonly string[] | undefined {
  const bytes = readKept(join(runDir(root, name), 'start.kept'))
  try {
    return bytes === undefined ? undefined : decodeKept(bytes).text
  } catch (error) {
    if (error instanceof VServerError && error.code === 'E_PLAN') return undefined
    throw error
  }
}

function keptCard(text: readonly string[], stored: StoredGuest): Card {
  const from = text[position.FROM]
  return {
    name: stored.name,
    from: from === '-' ? undefined : from,
    template: stored.meta.template,
    ids: stored.meta.ids,
    cgroup: text[position.CGROUP] ?? '',
    network: text[position.NETWORK] ?? '',
  }
}
