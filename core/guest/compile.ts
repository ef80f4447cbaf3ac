/**
 * From a guest on disk to kept plans: what `start`, `exec` and `stop` need to run without JavaScript.
 *
 * @module
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { guestCgroup } from '../cgroup/layout.ts'
import { prepareCgroups } from '../cgroup/prepare.ts'
import {
  type Compiled,
  type Facts,
  type InputPath,
  planEnter,
  planFork,
  planStart,
} from '../context/index.ts'
import type { GuestInput } from '../context/input.ts'
import { errors } from '../errors.ts'
import { type Executor, installExecutor } from '../host/executor.ts'
import { probeCgroupHost, probeFacts } from '../host/facts.ts'
import { bootId } from '../host/process.ts'
import { ensureDirectory } from '../host/root_dirs.ts'
import { type Root, runDir } from '../host/root.ts'
import { encode } from '../plan/encode.ts'
import type { Plan } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import type { Registry } from '../plugin/registry.ts'
import { type Card, encodeCard, shownCgroup } from './card.ts'
import { effectiveConfig, type GuestConfig } from './config.ts'
import { readText, writeWhole } from './files.ts'
import { followHostname } from './host_name.ts'
import { findInit, type Init, stopRule } from './init.ts'
import { statInputs } from './inputs.ts'
import { encodeKept, type Kept } from './kept.ts'
import { keepStarted } from './pending.ts'
import { plainGuestFile } from './plain_config.ts'
import { lowerDirs, pendingMove, type StoredGuest } from './store.ts'

/** What compiling needs of the host. */
export interface CompileHost {
  readonly root: Root
  readonly executor: Executor
  readonly session: Session
  readonly registry: Registry
}

/** A guest with its configuration understood and its init found. */
export interface PreparedGuest {
  readonly stored: StoredGuest
  readonly config: GuestConfig
  readonly init: Init
  readonly input: GuestInput
  readonly card: Card
  /** Paths in the guest's own directory that decided over its init. */
  readonly looked: readonly InputPath[]
}

/**
 * Reads what a guest's file means. What reads YAML is loaded only where the file needs it.
 *
 * @throws {VServerError} E_CONFIG_*
 */
export async function readConfig(stored: StoredGuest, registry: Registry): Promise<GuestConfig> {
  const modes = registry.networkModes
  const plain = plainGuestFile(stored.text, modes)
  if (plain !== undefined) return effectiveConfig(plain, { name: stored.name, modes })
  return (await import('./config_of.ts')).configOf(stored, registry)
}

/** The card of a guest. Pure. */
export function cardOf(stored: StoredGuest, config: GuestConfig, root: Root): Card {
  const { name, meta } = stored
  return {
    name,
    from: meta.from ?? config.from,
    template: meta.template,
    ids: meta.ids,
    cgroup: shownCgroup(root.digest6, name),
    network: config.network.mode,
  }
}

/**
 * @param verb for messages
 * @throws {VServerError} E_CONFIG_*, E_NO_INIT, E_ROOTFS
 */
export async function prepareGuest(
  stored: StoredGuest,
  { root, registry, verb }: { root: Root; registry: Registry; verb: string },
): Promise<PreparedGuest> {
  const { name, dir, meta } = stored
  const config = await readConfig(stored, registry)
  const lowers = lowerDirs(root, meta)
  for (const lower of lowers) {
    if (lstatSync(lower, { throwIfNoEntry: false })?.isDirectory() === true) continue
    throw errors.E_ROOTFS(`Cannot ${verb} "${name}": its layer "${lower}" is missing`, {
      hint: 'restore it from a backup',
    })
  }
  config.mounts.forEach(({ source }, index) => {
    if (lstatSync(source, { throwIfNoEntry: false }) !== undefined) return
    throw errors.E_SOURCE(
      `Cannot ${verb} "${name}": mounts[${index}].source "${source}" does not exist`,
      { hint: `make it, or change ${stored.file}` },
    )
  })
  const upper = join(dir, 'upper')
  const seen = new Set<string>()
  const init = findInit(
    { name, init: config.init, tree: { layers: [upper, ...lowers], seen } },
    verb,
  )
  const mode = registry.networkModes.find((candidate) => candidate.mode === config.network.mode)
  const input: GuestInput = {
    name,
    digest6: root.digest6,
    hostname: config.hostname,
    ids: meta.ids,
    lowers,
    writable: dir,
    mounts: config.mounts,
    init: { path: init.path, args: init.args },
    env: Object.entries(config.env).map(([key, value]) => `${key}=${value}`),
    network: {
      own: mode?.namespace !== 'host',
      steps: mode?.steps({
        name,
        digest6: root.digest6,
        ids: meta.ids,
        hostname: config.hostname,
        options: config.network.options,
      }) ?? [],
    },
  }
  // Layers never change; in the guest's own directory a directory's content may.
  const looked = [...seen].filter((path) => path.startsWith(`${upper}/`)).map(asInput)
  return { stored, config, init, input, card: cardOf(stored, config, root), looked }
}

function asInput(path: string): InputPath {
  const directory = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  return directory ? { path, only: 'identity' } : path
}

/** Plans a start, with the plugins' passes. Pure. */
export function compileStart(
  { input }: PreparedGuest,
  { facts, registry }: { facts: Facts; registry: Registry },
): Compiled {
  const compiled = planStart(input, facts)
  return {
    ...compiled,
    plan: registry.passes.reduce((plan, pass) => pass.apply(plan), compiled.plan),
  }
}

/** Writes `start.kept`, `enter.kept` and `fork.kept`. The caller holds the guest's lock. */
export async function keepStart(host: CompileHost, guest: PreparedGuest): Promise<void> {
  const { root, executor } = host
  const { stored, card, config, input, looked } = guest
  const directory = runDir(root, stored.name)
  ensureDirectory(directory)
  installExecutor(root, executor)
  const { dir } = stored
  await followHostname(host.session, { dir, lowers: input.lowers, hostname: config.hostname })
  const inputs: readonly InputPath[] = [
    stored.file,
    join(stored.dir, 'meta.json'),
    pendingMove(stored.dir),
    ...input.lowers.map((path) => ({ path, only: 'identity' } as const)),
    ...looked,
    ...host.registry.files,
  ]
  // Looked at before compiling: a change that comes in between makes the plan stale, not wrong.
  const before = statInputs(inputs)
  if (readText(stored.file) !== stored.text) {
    throw errors.E_PLAN(`Cannot start "${stored.name}": "${stored.file}" was changed just now`, {
      hint: 'try again',
    })
  }
  const cgroups = probeCgroupHost(input.digest6)
  await prepareCgroups(host.session, cgroups, input)
  const facts = await probeFacts(host.session, input)
  const compiled = compileStart(guest, { facts, registry: host.registry })
  const kept = {
    ...keptHead(host, guest),
    plan: encode(compiled.plan),
    inputs: statInputs([...inputs, ...compiled.inputs]).map((input) =>
      before.find(({ path }) => path === input.path) ?? input
    ),
    text: encodeCard(card, guestCgroup(cgroups, input).supervisors),
  }
  keepStarted(root, stored.name, config)
  writeWhole(join(directory, 'start.kept'), encodeKept(kept), { sync: false })
  keepEnter(host, { guest, facts })
}

/** Writes `enter.kept` and `fork.kept`, which hold for as long as the guest runs. */
export function keepEnter(
  host: CompileHost,
  { guest, facts }: { guest: PreparedGuest; facts: Facts },
): void {
  const directory = runDir(host.root, guest.stored.name)
  const head = keptHead(host, guest)
  const keep = (file: string, plan: Plan, text: readonly string[]) =>
    writeWhole(
      join(directory, file),
      encodeKept({ ...head, plan: encode(plan), inputs: [], text: [guest.stored.name, ...text] }),
      { sync: false },
    )
  const { plan, env, login } = planEnter(guest.input, facts)
  keep('fork.kept', planFork(guest.input, facts).plan, [])
  keep('enter.kept', plan, [...env, '', ...login, ''])
}

function keptHead(
  { executor }: CompileHost,
  { init, config }: PreparedGuest,
): Omit<Kept, 'plan' | 'inputs' | 'text'> {
  const rule = stopRule(init.kind)
  return {
    stopSignal: rule.signal,
    stopTimeoutMs: config.stopTimeoutMs,
    notifies: rule.notifies,
    ordered: config.after.length > 0,
    boot: Buffer.from(bootId(), 'hex'),
    build: Buffer.from(executor.build, 'hex'),
  }
}
