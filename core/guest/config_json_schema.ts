/**
 * guest.yaml's schema as JSON Schema (draft 2020-12), for editors and other programs. Pure.
 *
 * @module
 */
import type { NetworkMode } from '../plugin/types.ts'
import { guestSchema } from './config_schema.ts'
import { type Unit, unitPattern } from './units.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** The whole schema. */
export function guestJsonSchema(modes: readonly NetworkMode[]): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'guest.yaml of vserver',
    ...convert(guestSchema(modes)),
  }
}

/** Only what `config_schema.ts` uses; anything else is a mistake there, and throws. */
function convert(schema: unknown): JsonSchema {
  const node = record(schema)
  if (Array.isArray(node['pipe'])) return piped(node['pipe'])
  switch (node['type']) {
    case 'optional':
      return convert(node['wrapped'])
    case 'string':
      return { type: 'string' }
    case 'boolean':
      return { type: 'boolean' }
    case 'number':
      return { type: 'number' }
    case 'literal':
      return { const: node['literal'] }
    case 'picklist':
      return { enum: node['options'] }
    case 'array':
      return { type: 'array', items: convert(node['item']) }
    case 'record':
      return {
        type: 'object',
        propertyNames: convert(node['key']),
        additionalProperties: convert(node['value']),
      }
    case 'union':
    case 'variant':
      return { anyOf: list(node['options']).map(convert) }
    case 'strict_object':
      return object(record(node['entries']))
    default:
      throw new RangeError(`no JSON Schema for ${String(node['type'])}`)
  }
}

function object(entries: Readonly<Record<string, unknown>>): JsonSchema {
  const names = Object.keys(entries)
  const required = names.filter((name) => record(entries[name])['type'] !== 'optional')
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, convert(entries[name])])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  }
}

function piped(pipe: readonly unknown[]): JsonSchema {
  let schema: JsonSchema = convert({ ...record(pipe[0]), pipe: undefined })
  const patterns: string[] = []
  for (const item of pipe.slice(1)) {
    const action = record(item)
    switch (action['type']) {
      case 'regex':
        patterns.push(String(record(action)['requirement']).slice(1, -1))
        break
      case 'max_length':
        schema = { ...schema, maxLength: action['requirement'] }
        break
      case 'min_length':
        schema = { ...schema, minItems: action['requirement'] }
        break
      case 'metadata': {
        const unit = record(action['metadata'])['unit']
        if (isUnit(unit)) patterns.push(unitPattern(unit))
        break
      }
      case 'check':
        break
      default:
        throw new RangeError(`no JSON Schema for ${String(action['type'])}`)
    }
  }
  const [first, ...more] = patterns
  if (first === undefined) return schema
  if (more.length === 0) return { ...schema, pattern: first }
  return { ...schema, allOf: patterns.map((pattern) => ({ pattern })) }
}

function isUnit(value: unknown): value is Unit {
  return value === 'size' || value === 'count' || value === 'time' || value === 'rate'
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {}
}
