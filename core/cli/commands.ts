/**
 * Verbs that plugins contribute, as the command line knows its own.
 *
 * @module
 */
import { readSourceOptions } from '../guest/source_options.ts'
import { makeRegistry } from '../plugin/registry.ts'
import type { Command, OptionSpecs, Plugin } from '../plugin/types.ts'
import type { Cli, VerbArgs, VerbInfo, VerbOption } from './types.ts'

/**
 * The verbs of plugins. Pure.
 *
 * @throws {VServerError} E_PLUGIN when plugins contradict each other
 */
export function commandVerbs(plugins: readonly Plugin[]): readonly VerbInfo[] {
  return makeRegistry(plugins).commands.map(commandVerb)
}

function commandVerb(command: Command): VerbInfo {
  const { verb, doc, options = {}, positional = '', examples = [] } = command
  return {
    verb,
    doc,
    positional,
    options: commandOptions(options),
    examples: examples.length > 0 ? examples : [`vserver ${verb}`],
    load: () => Promise.resolve({ run: (cli: Cli, args: VerbArgs) => run(command, cli, args) }),
  }
}

/** `maxAge` is written `--max-age`. Pure. */
export function optionName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function commandOptions(specs: OptionSpecs): readonly VerbOption[] {
  return Object.entries(specs).map(([key, { kind, doc }]) => ({
    name: optionName(key),
    doc,
    ...(kind === 'boolean' ? {} : { value: `<${kind}>` }),
    ...(kind === 'list' ? { repeat: true } : {}),
  }))
}

async function run(command: Command, cli: Cli, args: VerbArgs): Promise<number> {
  const { verb, options: specs = {} } = command
  const words = Object.entries(specs).flatMap(([key, spec]) => {
    const { kind } = spec
    const name = optionName(key)
    // A switch that was not given is off, and not missing.
    const off = spec.default === undefined && spec.optional !== true ? [`${key}=false`] : []
    if (kind === 'boolean') return args.flag(name) ? [`${key}=true`] : off
    if (kind === 'list') return args.flag(name) ? [`${key}=${args.list(name).join(',')}`] : []
    const value = args.text(name)
    return value === undefined ? [] : [`${key}=${value}`]
  })
  const { dir, lib, run, etc } = cli.root
  return await command.run(
    args.positionals,
    readSourceOptions({ options: specs, scheme: verb }, words),
    {
      root: { dir, lib, run, etc },
      signal: cli.signal,
      json: cli.globals.json,
      print: (text) => cli.out.print(text),
    },
  )
}
