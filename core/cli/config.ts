/**
 * `vserver config NAME [--effective]`, `vserver config --schema`
 *
 * @module
 */
import { parseGuestFile } from '../guest/config_file.ts'
import { guestJsonSchema } from '../guest/config_json_schema.ts'
import { type EffectiveValue, effectiveValues } from '../guest/config_origin.ts'
import { checkPattern } from '../guest/name.ts'
import { formatTable } from '../guest/status.ts'
import { readGuest } from '../guest/store.ts'
import { usage } from './argv.ts'
import { registryOf } from './host.ts'
import type { Cli, VerbArgs } from './types.ts'

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [name] = args.positionals
  const registry = await registryOf(cli)
  if (args.flag('schema')) {
    if (name !== undefined) throw usage({ verb: 'config' }, '--schema is the same for all guests')
    cli.out.print(`${JSON.stringify(guestJsonSchema(registry.networkModes), undefined, 2)}\n`)
    return 0
  }
  if (name === undefined) throw usage({ verb: 'config' }, 'the name of a guest is missing')
  checkPattern('show the configuration of', name)
  const stored = readGuest(cli.root, { name, verb: 'show the configuration of' })
  if (!args.flag('effective') && !cli.globals.json) {
    cli.out.print(stored.text)
    return 0
  }
  const file = parseGuestFile(stored, registry.networkModes)
  const values = effectiveValues({ name, text: stored.text, file }, await cli.plugins())
  const shown = args.flag('effective') ? { values } : { config: file }
  if (cli.globals.json) cli.out.print(`${JSON.stringify({ name, file: stored.file, ...shown })}\n`)
  else cli.out.print(formatValues(values))
  return 0
}

/** The table of `--effective`. Pure. */
export function formatValues(values: readonly EffectiveValue[]): string {
  const rows = values.map(({ key, value, origin }) => [
    key,
    value === null ? '-' : typeof value === 'string' ? value : JSON.stringify(value),
    formatOrigin(origin),
  ])
  return formatTable([['KEY', 'VALUE', 'FROM'], ...rows])
}

function formatOrigin(origin: EffectiveValue['origin']): string {
  switch (origin.kind) {
    case 'file':
      return `line ${origin.line}`
    case 'default':
      return 'default'
    case 'plugin':
      return `default of plugin ${origin.plugin}`
    default:
      return origin satisfies never
  }
}
