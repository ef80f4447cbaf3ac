/**
 * `vserver create NAME --from SOURCE [--set KEY=VALUE…]`
 *
 * @module
 */
import { release } from 'node:os'
import { join } from 'node:path'
import { effectiveConfig, type GuestConfig } from '../guest/config.ts'
import { parseGuestFile } from '../guest/config_file.ts'
import { readHostConfig } from '../guest/host_config.ts'
import { openGuestTree } from '../guest/guest_tree.ts'
import { findInit } from '../guest/init.ts'
import { checkName } from '../guest/name.ts'
import { commitGuest, guestExists, guestThere, stageGuest, stageHostname } from '../guest/store.ts'
import { readStatus } from '../guest/read_status.ts'
import { readGuest } from '../guest/store.ts'
import { statusesJson } from '../guest/status.ts'
import { sweep } from '../guest/sweep.ts'
import { readSourceOptions } from '../guest/source_options.ts'
import { ensureTemplate, findSource } from '../guest/template.ts'
import { withSession } from '../host/executor.ts'
import { claimIds } from '../host/ids.ts'
import { requireKernel } from '../host/kernel.ts'
import { guestDir, templateDir } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import type { OptionValues } from '../plugin/types.ts'
import type { Registry } from '../plugin/registry.ts'
import { usage } from './argv.ts'
import { removeRunDir, settle, sweepDead } from './clean.ts'
import { executorOf, registryOf, useRoot, withGuestLock } from './host.ts'
import { newGuestYaml } from './new_yaml.ts'
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
  const options = readSourceOptions(findSource(from, registry).bootstrapper, [
    ...args.list('option'),
    ...(args.flag('allow-expired') ? ['allowExpired=true'] : []),
  ])
  const look = { refresh: args.flag('refresh'), offline: args.flag('offline') }
  if (look.refresh && look.offline) {
    throw usage({ verb: 'create' }, '--refresh and --offline contradict each other')
  }
  const yaml = newGuestYaml({ from, settings: args.list('set') })
  const modes = registry.networkModes
  const config = effectiveConfig(parseGuestFile({ file: '--set', text: yaml }, modes), {
    name,
    modes,
  })
  requireKernel(release(), `create "${name}"`)
  useRoot(cli)
  readHostConfig(cli.root)
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
    const stored = readGuest(cli.root, { name, verb: 'create' })
    cli.out.print(statusesJson([readStatus(stored, { root: cli.root, registry })]))
  } else if (!cli.globals.quiet) cli.out.print(`${name} created\n`)
  return 0
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
  const bounds = readHostConfig(root).ids
  const template = await ensureTemplate(root, {
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
          name: source,
          patience: { verb: 'create', timeoutMs: cli.globals.lockTimeoutMs, signal },
        }),
    },
    refresh,
    check: (tree) => {
      findInit({ name, init: config.init, tree: { layers: [tree] } }, 'create')
    },
    onWait: ({ pid }) => cli.out.note(`waiting for pid ${pid}, which makes the same template`),
  })
  signal.throwIfAborted()
  const staged = stageGuest(root, name, { yaml })
  try {
    const { hostname } = config
    stageHostname(staged, { template: templateDir(root, template), hostname })
    await claimIds(
      session,
      { owner: guestDir(root, name), bounds, signal },
      (ids) => commitGuest(root, staged, { template, ids }),
    )
  } catch (error) {
    await sweep(session, staged.path)
    throw error
  }
}
