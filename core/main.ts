/**
 * The appliance: words in, an exit code out. Only this file ends the process.
 *
 * @module
 */
import { constants } from 'node:os'
import process from 'node:process'
import { renderHelp } from './cli/help.ts'
import { licences, version } from './cli/about.ts'
import { BrokenPipe, isTerminal, makeOutput, writeAll } from './cli/output.ts'
import { parseArgv, type Parsed } from './cli/parse.ts'
import { renderError, toVServerError } from './cli/report.ts'
import { rootOf, usage } from './cli/argv.ts'
import { needsRoot, VServerError } from './errors.ts'
import type { BrokenPlugin } from './plugin/registry.ts'
import type { Plugin } from './plugin/types.ts'

const stop = new AbortController()
const argv = process.argv.slice(2)

async function main(): Promise<number> {
  const { verb, args, globals, help, ...solo } = await parse()
  if (help) {
    writeAll(1, renderHelp(verb))
    return 0
  }
  if (solo.version) {
    writeAll(1, `${version()}\n`)
    return 0
  }
  if (solo.licences) {
    writeAll(1, licences())
    return 0
  }
  if (verb === undefined) throw usage(undefined, 'a verb is missing')
  if (verb.unprivileged !== true && process.geteuid?.() !== 0) {
    throw needsRoot(verb.verb, args.positionals[0])
  }
  // Loaded late: node:crypto takes 5 ms, and what ends above does without.
  const { rootAt } = await import('./host/root.ts')
  const code = await verb.load()
  return await code.run({
    root: rootAt(globals.root),
    globals,
    signal: stop.signal,
    argv,
    out: makeOutput(globals),
    fail,
    plugins: async () => (await allPlugins(globals.root)).plugins,
    broken: async () => (await allPlugins(globals.root)).broken,
    env: process.env,
  }, args)
}

/** A word that is no verb may be one of a plugin of this root. */
async function parse(): Promise<Parsed> {
  try {
    return parseArgv(argv, process.env)
  } catch (error) {
    if (!(error instanceof VServerError) || error.details?.['unknownVerb'] === undefined) {
      throw error
    }
    const { commandVerbs } = await import('./cli/commands.ts')
    const { plugins, broken } = await allPlugins(rootOf(argv, process.env))
    try {
      return parseArgv(argv, process.env, commandVerbs(plugins))
    } catch (unknown) {
      // It may have been one of a plugin's.
      for (const one of broken) fail(one.error)
      throw unknown
    }
  }
}

interface AllPlugins {
  readonly plugins: readonly Plugin[]
  readonly broken: readonly BrokenPlugin[]
}
const pluginsByRoot = new Map<string | undefined, Promise<AllPlugins>>()

/** Loaded once. */
function allPlugins(dir: string | undefined): Promise<AllPlugins> {
  const known = pluginsByRoot.get(dir) ?? findPlugins(dir)
  pluginsByRoot.set(dir, known)
  return known
}

/** The plugins that are part of the program, and those of a root. */
async function findPlugins(dir: string | undefined): Promise<AllPlugins> {
  const [{ plugins }, { pluginNames }, { rootAt }] = await Promise.all([
    import('../plugins/index.ts'),
    import('./plugin/place.ts'),
    import('./host/root.ts'),
  ])
  const root = rootAt(dir)
  if (pluginNames(root).length === 0) return { plugins, broken: [] }
  const { loadPlugins } = await import('./plugin/load.ts')
  const { loaded, broken } = loadPlugins(root, plugins)
  return { plugins: [...plugins, ...loaded.map(({ plugin }) => plugin)], broken }
}

/** Prints an error: one line and a hint, or one JSON object where --json was given. */
function fail(thrown: unknown): number {
  // Who does not want to read more need not be told; a native verb dies of the signal.
  if (thrown instanceof BrokenPipe) return 128 + constants.signals.SIGPIPE
  const error = toVServerError(thrown, { interrupted: stop.signal.aborted })
  const end = argv.indexOf('--')
  const json = argv.slice(0, end === -1 ? undefined : end).includes('--json')
  if (!json && isTerminal(2)) writeAll(2, '\r\x1b[K')
  writeAll(2, renderError(error, { json, root: rootOf(argv, {}) }))
  if ((process.env['VSERVER_DEBUG'] ?? '') !== '') console.error(thrown)
  return error.exitCode
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => stop.abort(name))
}
main().then(
  (code) => process.exit(code),
  (thrown: unknown) => process.exit(fail(thrown)),
)
