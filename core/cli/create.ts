/**
 * `vserver create NAME --from SOURCE [--set KEY=VALUE…]`
 *
 * @module
 */
import { release } from 'node:os'
import { join } from 'node:path'
import { defaultOptions, effectiveConfig, type GuestConfig } from '../guest/config.ts'
import { openGuestTree } from '../guest/guest_tree.ts'
import { readIdBounds } from '../guest/id_bounds.ts'
import { findInit } from '../guest/init.ts'
import { checkName } from '../guest/name.ts'
import { commitGuest, guestExists, guestThere, stageGuest, stageHostname } from '../guest/store.ts'
import { plainGuestFile } from '../guest/plain_config.ts'
import { sweep } from '../guest/sweep.ts'
import { ensureTemplate, findSource } from '../guest/template.ts'
import { withLongSession, withSession } from '../host/executor.ts'
import { claimIds } from '../host/ids.ts'
import { requireKernel } from '../host/kernel.ts'
import { guestDir, templateDir } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import type { Bootstrapper, OptionValues } from '../plugin/types.ts'
import type { Registry } from '../plugin/registry.ts'
import { usage } from './argv.ts'
import { removeRunDir, settle, sweepDead } from './clean.ts'
import { executorOf, registryOf, useRoot, withGuestLock } from './host.ts'
import { plainGuestYaml } from './plain_yaml.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [name = ''] = args.positionals
  checkName('create', name)
  const from = args.text('from')
  if (from === undefined) {
    throw usage({ verb: 'create' }, '--from is missing', {
      hint: `for example: vserver create ${name} --from dir:/srv/trixie`,
    })
  }
  const registry = await registryOf(cli)
  const options = await sourceOptions(findSource(from, registry).bootstrapper, [
    ...args.list('option'),
    ...(args.flag('allow-expired') ? ['allowExpired=true'] : []),
  ])
  const look = { refresh: args.flag('refresh'), offline: args.flag('offline') }
  if (look.refresh && look.offline) {
    throw usage({ verb: 'create' }, '--refresh and --offline contradict each other')
  }
  const { yaml, config } = await newGuest({ name, from, settings: args.list('set'), registry })
  requireKernel(release(), `create "${name}"`)
  useRoot(cli)
  await readIdBounds(cli.root)
  const executor = executorOf(cli)
  await withSession(executor, async (session) => {
    await sweepDead(cli, session)
    await withGuestLock(cli, { session, name, verb: 'create' }, async () => {
      if (guestExists(cli.root, name)) throw guestThere(name)
      try {
        await make(cli, { session, registry, name, from, yaml, config, options, ...look })
      } finally {
        cli.out.endProgress()
        if (!guestExists(cli.root, name)) removeRunDir(cli, name)
      }
    })
  })
  await settle(cli, { name, verb: 'create' })
  if (cli.globals.json) {
    const { printStatuses } = await import('./list.ts')
    printStatuses(cli, { names: [name], registry })
  } else if (!cli.globals.quiet) cli.out.print(`${name} created\n`)
  return 0
}

/** Options of a source. Where none was given, there is nothing to understand. */
async function sourceOptions(
  bootstrapper: Bootstrapper,
  written: readonly string[],
): Promise<OptionValues> {
  const values = written.length === 0 ? defaultOptions(bootstrapper.options ?? {}) : undefined
  if (values !== undefined) return values
  const { readSourceOptions } = await import('../guest/source_options.ts')
  return readSourceOptions(bootstrapper, written)
}

/** The text of a new guest.yaml, and what it means. What writes YAML is loaded only for settings. */
async function newGuest(
  { name, from, settings, registry }: {
    name: string
    from: string
    settings: readonly string[]
    registry: Registry
  },
): Promise<{ yaml: string; config: GuestConfig }> {
  const modes = registry.networkModes
  const plain = settings.length === 0 ? plainGuestYaml(from) : undefined
  const file = plain === undefined ? undefined : plainGuestFile(plain, modes)
  if (plain !== undefined && file !== undefined) {
    return { yaml: plain, config: effectiveConfig(file, { name, modes }) }
  }
  const [{ newGuestYaml }, { parseGuestFile }] = await Promise.all([
    import('./new_yaml.ts'),
    import('../guest/config_file.ts'),
  ])
  const yaml = newGuestYaml({ from, settings })
  const parsed = parseGuestFile({ file: '--set', text: yaml }, modes)
  return { yaml, config: effectiveConfig(parsed, { name, modes }) }
}

interface Making {
  readonly session: Session
  readonly registry: Registry
  readonly name: string
  readonly from: string
  readonly yaml: string
  readonly config: GuestConfig
  /** Of the source. */
  readonly options: OptionValues
  readonly refresh: boolean
  readonly offline: boolean
}

async function make(cli: Cli, making: Making): Promise<void> {
  const { session, registry, name, from, yaml, config, options, refresh, offline } = making
  const { root, signal } = cli
  const executor = executorOf(cli)
  const bounds = await readIdBounds(root)
  const template = await withLongSession(
    executor,
    async (session) =>
      await ensureTemplate(root, {
        from: findSource(from, registry),
        context: {
          session,
          signal,
          progress: (event) => cli.out.progress(event),
          options,
          cache: join(root.lib, 'cache'),
          offline,
          async runInTree(command) {
            // It compiles plans of contexts, which a guest of a template that is there does without.
            const { runInTree } = await import('../guest/run_in_tree.ts')
            return await runInTree({ executor, root, bounds, signal }, command)
          },
          openGuest: (source) =>
            openGuestTree(session, root, {
              source,
              patience: { verb: 'create', timeoutMs: cli.globals.lockTimeoutMs, signal },
            }),
        },
        refresh,
        check: (tree) => {
          findInit({ name, init: config.init, tree: { layers: [tree] } }, 'create')
        },
        onWait: ({ pid }) => cli.out.note(`waiting for pid ${pid}, which makes the same template`),
      }),
  )
  signal.throwIfAborted()
  const staged = stageGuest(root, name, { yaml })
  try {
    const { hostname } = config
    stageHostname(staged, { template: templateDir(root, template), hostname })
    await claimIds(
      session,
      { owner: guestDir(root, name), bounds, signal },
      (ids) => commitGuest(session, staged, { root, template, ids, from }),
    )
  } catch (error) {
    await sweep(session, staged.path)
    throw error
  }
}
