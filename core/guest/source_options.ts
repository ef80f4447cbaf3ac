/**
 * Options of a source, as they are written on the command line: `key=value`.
 *
 * @module
 */
import * as v from 'valibot'
import { errors } from '../errors.ts'
import type { Bootstrapper, OptionSpec, OptionValue, OptionValues } from '../plugin/types.ts'
import { optionValue } from './config.ts'
import { parseConfig } from './config_file.ts'
import { optionEntries } from './config_schema.ts'

/**
 * Parses and validates. Pure.
 *
 * @param written `key=value`; lists are written `a,b`; the last of a key counts
 * @throws {VServerError} E_USAGE, E_CONFIG_KEY, E_CONFIG_RANGE
 */
export function readSourceOptions(
  { options: specs = {}, scheme }: Pick<Bootstrapper, 'options' | 'scheme'>,
  written: readonly string[],
): OptionValues {
  const given = new Map<string, unknown>()
  for (const word of written) {
    const [, key, value] = /^([^=]+)=([^]*)$/.exec(word) ?? []
    if (key === undefined || value === undefined) {
      throw errors.E_USAGE(`Cannot use --option "${word}": it is not KEY=VALUE`, {
        hint: `options of ${scheme}: ${Object.keys(specs).join(', ') || 'none'}`,
      })
    }
    given.set(key, asWritten(Object.hasOwn(specs, key) ? specs[key] : undefined, value))
  }
  const schema = v.strictObject(optionEntries(specs), 'expected a mapping of keys to values')
  const text = JSON.stringify(Object.fromEntries(given))
  const valid = parseConfig({ file: '--option', text }, schema) as Record<string, OptionValue>
  const values: Record<string, OptionValue> = {}
  for (const [key, spec] of Object.entries(specs)) {
    const value = optionValue(spec, valid[key])
    if (value !== undefined) values[key] = value
  }
  return values
}

function asWritten(spec: OptionSpec | undefined, value: string): unknown {
  switch (spec?.kind) {
    case 'boolean':
      return value === 'true' ? true : value === 'false' ? false : value
    case 'list':
      return value.split(',').filter((one) => one !== '')
    case 'number':
      return spec.unit === 'none' && value.trim() !== '' ? Number(value) : value
    case 'text':
    case 'choice':
    case undefined:
      return value
    default:
      return spec satisfies never
  }
}
