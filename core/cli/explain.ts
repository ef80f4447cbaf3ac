/**
 * `vserver explain VERB NAME [--plan]`, `vserver explain --file FILE [--check]`, `vserver explain --schema`
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { Step } from '../context/index.ts'
import { planEnter } from '../context/index.ts'
import { errors, needsRoot } from '../errors.ts'
import { compileStart, prepareGuest } from '../guest/compile.ts'
import { effectiveConfig } from '../guest/config.ts'
import { parseGuestFile } from '../guest/config_file.ts'
import { guestJsonSchema } from '../guest/config_json_schema.ts'
import { checkPattern } from '../guest/name.ts'
import { readGuest } from '../guest/store.ts'
import { withSession } from '../host/executor.ts'
import { probeFacts } from '../host/facts.ts'
import { dump } from '../plan/dump.ts'
import { outline } from '../plan/outline.ts'
import type { Plan } from '../plan/program.ts'
import type { Registry } from '../plugin/registry.ts'
import { usage } from './argv.ts'
import { executorOf, registryOf } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const registry = await registryOf(cli)
  if (args.flag('schema')) {
    cli.out.print(`${JSON.stringify(guestJsonSchema(registry.networkModes), undefined, 2)}\n`)
    return 0
  }
  const file = args.text('file')
  if (file !== undefined) return explainFile(cli, { file, registry, check: args.flag('check') })
  const [verb, name] = args.positionals
  if (verb === undefined || name === undefined) {
    throw usage({ verb: 'explain' }, 'a verb and the name of a guest are missing')
  }
  if (!['start', 'stop', 'exec', 'enter'].includes(verb)) {
    throw usage({ verb: 'explain' }, `"${verb}" has no plan`, {
      hint: 'start, stop, exec and enter have one',
    })
  }
  if (process.geteuid?.() !== 0) throw needsRoot('explain', name)
  checkPattern('explain', name)
  const { plan, steps } = await compile(cli, { verb, name, registry })
  if (cli.globals.json) cli.out.print(stepsJson(steps))
  else cli.out.print(args.flag('plan') ? dump(plan) : outline(plan, name))
  return 0
}

function explainFile(
  cli: Cli,
  { file, registry, check }: { file: string; registry: Registry; check: boolean },
): number {
  const modes = registry.networkModes
  const config = effectiveConfig(parseGuestFile({ file, text: readConfig(file) }, modes), {
    name: 'guest',
    modes,
  })
  if (cli.globals.json) cli.out.print(`${JSON.stringify(check ? { valid: true } : config)}\n`)
  else if (check) cli.out.print(`${file} is valid\n`)
  else cli.out.print(`${JSON.stringify(config, undefined, 2)}\n`)
  return 0
}

function readConfig(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an error'
    throw errors.E_SOURCE(`Cannot read "${file}": it failed with ${code}`, { cause })
  }
}

/** Compiles without writing anything. */
async function compile(
  cli: Cli,
  { verb, name, registry }: { verb: string; name: string; registry: Registry },
): Promise<{ plan: Plan; steps: readonly Step[] }> {
  const executor = executorOf(cli)
  const stored = readGuest(cli.root, { name, verb: 'explain' })
  const guest = await prepareGuest(stored, { root: cli.root, registry, verb: 'explain' })
  return await withSession(executor, async (session) => {
    const facts = await probeFacts(session, guest.input)
    if (verb === 'exec' || verb === 'enter') return planEnter(guest.input, facts)
    const { plan, steps } = compileStart(guest, { facts, registry })
    if (verb === 'start') return { plan, steps }
    const programs = plan.programs.filter(({ role }) => role === 'TEARDOWN')
    return { plan: { ...plan, programs }, steps: steps.filter(({ role }) => role === 'TEARDOWN') }
  })
}

function stepsJson(steps: readonly Step[]): string {
  const list = steps.map(({ kind, role, phrase, origin }) => ({
    kind,
    program: role.toLowerCase(),
    phrase,
    plugin: origin?.plugin ?? null,
    key: origin?.key ?? null,
  }))
  return `${JSON.stringify(list)}\n`
}
