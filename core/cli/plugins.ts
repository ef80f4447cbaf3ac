/**
 * `vserver plugins`, `vserver plugins --test DIR [--source SOURCE]`
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { readNames } from '../guest/files.ts'
import { runInTree } from '../guest/run_in_tree.ts'
import { readHostConfig } from '../guest/host_config.ts'
import { readSourceOptions } from '../guest/source_options.ts'
import { formatTable } from '../guest/status.ts'
import { sweep } from '../guest/sweep.ts'
import { withSession } from '../host/executor.ts'
import { processStart } from '../host/process.ts'
import type { Session } from '../plan/session.ts'
import { bootstrapperChecks } from '../plugin/conformance/bootstrapper.ts'
import { networkModeChecks } from '../plugin/conformance/network_mode.ts'
import { checkChecks, commandChecks, passChecks } from '../plugin/conformance/others.ts'
import type { ConformanceCheck } from '../plugin/conformance/types.ts'
import { loadPlugin, pluginFile } from '../plugin/load.ts'
import { pluginNames, pluginsDir } from '../plugin/place.ts'
import { makeRegistry } from '../plugin/registry.ts'
import { type PluginKind, pluginKinds } from '../plugin/shape.ts'
import type { Bootstrapper, Plugin } from '../plugin/types.ts'
import { usage } from './argv.ts'
import { executorOf, useRoot } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const place = args.text('test')
  if (place !== undefined) return await testPlugin(cli, { place, source: args.text('source') })
  if (args.flag('source')) throw usage({ verb: 'plugins' }, '--source goes with --test')
  const plugins = await cli.plugins()
  const broken = await cli.broken()
  const rows = [
    ...plugins.flatMap((plugin) =>
      contributions(plugin).map((one) => ({ ...one, path: foreignPath(cli, plugin) }))
    ),
    ...broken.map(({ name, path, error }) => (
      { kind: 'BROKEN', name: '-', plugin: name, doc: error.message, path }
    )),
  ]
  if (cli.globals.json) cli.out.print(`${JSON.stringify(rows)}\n`)
  else {
    cli.out.print(formatTable([
      ['KIND', 'NAME', 'PLUGIN', 'FROM'],
      ...rows.map(({ kind, name, plugin, path }) => [kind, name, plugin, path ?? 'built in']),
    ]))
  }
  return broken.reduce((worst, { error }) => Math.max(worst, cli.fail(error)), 0)
}

/** The file of an out-of-tree plugin, `null` for one that is part of the program. */
function foreignPath({ root }: Cli, { name }: Plugin): string | null {
  return pluginNames(root).includes(name) ? pluginFile(join(pluginsDir(root), name)) ?? null : null
}

/** What one of each kind is called. */
const kindWords: Readonly<Record<PluginKind, string>> = {
  bootstrappers: 'bootstrapper',
  networkModes: 'network mode',
  commands: 'command',
  checks: 'check',
  passes: 'pass',
}

interface Contribution {
  readonly kind: string
  readonly name: string
  readonly plugin: string
  readonly doc: string | null
}

function contributions(plugin: Plugin): readonly Contribution[] {
  const { bootstrappers = [], networkModes = [], commands = [], checks = [], passes = [] } = plugin
  const named: Readonly<Record<PluginKind, readonly { name: string; doc?: string }[]>> = {
    bootstrappers: bootstrappers.map(({ scheme, doc }) => ({ name: scheme, doc })),
    networkModes: networkModes.map(({ mode, doc }) => ({ name: mode, doc })),
    commands: commands.map(({ verb, doc }) => ({ name: verb, doc })),
    checks: checks.map(({ check }) => ({ name: check })),
    passes: passes.map(({ pass }) => ({ name: pass })),
  }
  return pluginKinds.flatMap((kind) =>
    named[kind].map(({ name, doc }) => ({
      kind: kindWords[kind],
      name,
      plugin: plugin.name,
      doc: doc ?? null,
    }))
  )
}

interface Result {
  readonly check: string
  readonly passed: boolean
  readonly detail: string | null
}

/** Loads a plugin as if it were installed, and runs the suite of each of its kinds. */
async function testPlugin(
  cli: Cli,
  { place, source }: { place: string; source: string | undefined },
): Promise<number> {
  const { plugin, path } = loadPlugin(place)
  const others = (await cli.plugins()).filter(({ name }) => name !== plugin.name)
  makeRegistry([...others, plugin])
  useRoot(cli)
  const results = await withSession(executorOf(cli), async (session) => {
    const scratch = join(cli.root.lib, `.test-${process.pid}`)
    await sweepTrials(cli, session)
    mkdirSync(scratch, { mode: 0o700 })
    try {
      const checks = suiteOf(cli, { plugin, session, scratch, source })
      const found: Result[] = []
      for (const check of checks) {
        cli.signal.throwIfAborted()
        found.push(await perform(check))
      }
      return found
    } finally {
      await sweep(session, scratch)
    }
  })
  const failed = results.filter(({ passed }) => !passed).length
  if (cli.globals.json) {
    cli.out.print(`${JSON.stringify({ plugin: plugin.name, path, results })}\n`)
  } else {
    cli.out.endProgress()
    for (const { check, passed, detail } of results) {
      cli.out.print(
        `${passed ? 'ok  ' : 'FAIL'}  ${check}${detail === null ? '' : `: ${detail}`}\n`,
      )
    }
    cli.out.print(`${results.length - failed} passed, ${failed} failed\n`)
  }
  return failed === 0 ? 0 : 1
}

/** What tests left that were killed. */
async function sweepTrials(cli: Cli, session: Session): Promise<void> {
  for (const name of readNames(cli.root.lib)) {
    const pid = /^\.test-(\d+)$/.exec(name)?.[1]
    const dead = pid !== undefined && processStart(Number(pid)) === undefined
    if (dead || pid === String(process.pid)) await sweep(session, join(cli.root.lib, name))
  }
}

async function perform({ name, run }: ConformanceCheck): Promise<Result> {
  try {
    await run()
    return { check: name, passed: true, detail: null }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { check: name, passed: false, detail }
  }
}

interface Trial {
  readonly plugin: Plugin
  readonly session: Session
  readonly scratch: string
  readonly source: string | undefined
}

function suiteOf(cli: Cli, trial: Trial): readonly ConformanceCheck[] {
  const { plugin, session } = trial
  const { bootstrappers = [], networkModes = [], commands = [], checks = [], passes = [] } = plugin
  return [
    ...bootstrappers.flatMap((one) => bootstrapperSuite(cli, trial, one)),
    ...networkModes.flatMap(networkModeChecks),
    ...commands.flatMap(commandChecks),
    ...checks.flatMap((check) => checkChecks(check, session)),
    ...passes.flatMap(passChecks),
  ]
}

function bootstrapperSuite(
  cli: Cli,
  { session, scratch, source }: Trial,
  bootstrapper: Bootstrapper,
): readonly ConformanceCheck[] {
  const { root, signal } = cli
  const bounds = readHostConfig(root).ids
  const executor = executorOf(cli)
  return bootstrapperChecks(bootstrapper, {
    source,
    scratch,
    context: {
      session,
      signal,
      progress: (event) => cli.out.progress(event),
      options: readSourceOptions(bootstrapper, []),
      cache: join(root.lib, 'cache'),
      offline: false,
      runInTree: (command) => runInTree({ executor, root, bounds, signal }, command),
    },
  })
}
