/**
 * The schema of guest.yaml, in valibot. It has no transforms, so that a JSON Schema can be made from it;
 * units are parsed afterwards by `effectiveConfig`.
 *
 * @module
 */
import * as v from 'valibot'
import type { NetworkMode, OptionSpec, OptionSpecs } from '../plugin/types.ts'
import type { GuestFile } from './config.ts'
import { namePattern } from './name.ts'
import { parseUnit, type Unit, unitExpected } from './units.ts'

/** A text in a unit. `metadata` is what the JSON Schema shows. */
export function unitText(unit: Unit, bounds: { min?: number; max?: number } = {}) {
  const problem = (written: unknown): string | undefined => {
    try {
      const value = parseUnit(unit, written)
      if (bounds.min !== undefined && value < bounds.min) return `expected at least ${bounds.min}`
      if (bounds.max !== undefined && value > bounds.max) return `expected at most ${bounds.max}`
      return undefined
    } catch (error) {
      if (error instanceof RangeError) return error.message
      throw error
    }
  }
  const expected = `expected ${unitExpected(unit)}`
  const checked = <T extends string | number>() =>
    v.check<T, (issue: v.CheckIssue<T>) => string>(
      (written) => problem(written) === undefined,
      (issue) => problem(issue.input) ?? expected,
    )
  const text = v.pipe(v.string(expected), checked<string>(), v.metadata({ unit }))
  return unit === 'count' ? v.union([v.pipe(v.number(), checked<number>()), text], expected) : text
}

const absolute = (what: string) =>
  v.pipe(
    v.string(`expected ${what}`),
    v.regex(
      /^\/(?!.*(?:^|\/)\.\.?(?:\/|$))[^\0]*$/,
      `expected ${what}: absolute, without . and ..`,
    ),
    v.maxLength(4095, 'expected at most 4,095 characters'),
  )

const target = v.pipe(
  absolute('a path inside the guest'),
  v.regex(
    /^(?!\/*$)(?!\/+(proc|sys|dev)(\/|$))/,
    'expected a path inside the guest that is not /, and not in /proc, /sys or /dev',
  ),
)

/** What `unify` leaves alone. */
export const excludedPaths = v.array(
  absolute('a path inside the guest'),
  'expected a list of paths',
)

const text = (expected: string, pattern: RegExp) =>
  v.pipe(v.string(`expected ${expected}`), v.regex(pattern, `expected ${expected}`))

const word = v.pipe(
  v.string('expected a text'),
  v.regex(/^[^\0]*$/, 'expected a text without NUL'),
)

const mount = v.strictObject({
  source: absolute('a path on the host'),
  target,
  readOnly: v.optional(v.boolean('expected true or false')),
}, 'expected a mapping with source and target')

/** Keys that hold for every guest, whatever its network mode. */
const foundation = {
  from: v.optional(text('SCHEME:SOURCE, for example dir:/srv/tree', /^[a-z][a-z0-9-]*:[^\0]+$/)),
  autostart: v.optional(v.boolean('expected true or false')),
  after: v.optional(
    v.array(text('the name of a guest', namePattern), 'expected a list of guests'),
  ),
  mounts: v.optional(v.array(mount, 'expected a list of mounts')),
  hostname: v.optional(
    text(
      'a host name of at most 64 characters',
      /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/,
    ),
  ),
  init: v.optional(
    v.union([
      absolute('the path of the init'),
      v.pipe(
        v.array(word, 'expected a path, or a list of a path and arguments'),
        v.minLength(1, 'expected at least a path'),
        v.check((list) => list[0]?.startsWith('/') === true, 'expected an absolute path first'),
      ),
    ], 'expected an absolute path, or a list of an absolute path and arguments'),
  ),
  env: v.optional(
    v.record(
      text('the name of a variable', /^[A-Za-z_][A-Za-z0-9_]*$/),
      word,
      'expected a mapping of names to texts',
    ),
  ),
  stopTimeout: v.optional(unitText('time', { max: 86_400_000 })),
  unify: v.optional(
    v.strictObject({ exclude: v.optional(excludedPaths) }, 'expected a mapping with exclude'),
  ),
}

/** The schema of one declared option. */
function optionSchema(spec: OptionSpec): v.GenericSchema {
  switch (spec.kind) {
    case 'boolean':
      return v.boolean('expected true or false')
    case 'text':
      return spec.pattern === undefined ? word : text(spec.doc, spec.pattern)
    case 'choice':
      return v.picklist(spec.choices, `expected ${spec.choices.join(' or ')}`)
    case 'list': {
      const item = spec.pattern === undefined ? word : text(spec.doc, spec.pattern)
      return v.array(item, 'expected a list')
    }
    case 'number': {
      const bounds = {
        ...(spec.min === undefined ? {} : { min: spec.min }),
        ...(spec.max === undefined ? {} : { max: spec.max }),
      }
      if (spec.unit !== 'none') return unitText(spec.unit, bounds)
      const { min = -Infinity, max = Infinity } = bounds
      return v.pipe(
        v.number('expected a number'),
        v.check((value) => value >= min && value <= max, `expected a number in ${min}..${max}`),
      )
    }
    default:
      return spec satisfies never
  }
}

/** The schema of declared options: entries of a mapping. */
export function optionEntries(specs: OptionSpecs): Record<string, v.GenericSchema> {
  const entries: Record<string, v.GenericSchema> = {}
  for (const [key, spec] of Object.entries(specs)) {
    const required = spec.default === undefined && spec.optional !== true
    entries[key] = required ? optionSchema(spec) : v.optional(optionSchema(spec))
  }
  return entries
}

/** The schema of guest.yaml with these network modes. Pure. */
export function guestSchema(modes: readonly NetworkMode[]): v.GenericSchema<unknown, GuestFile> {
  const names = modes.map(({ mode }) => mode)
  const network = v.variant(
    'mode',
    modes.map(({ mode, options }) =>
      v.strictObject(
        { mode: v.literal(mode), ...optionEntries(options ?? {}) },
        'expected a mapping with mode',
      )
    ),
    `expected mode: ${names.join(', ')}`,
  )
  const schema = v.strictObject(
    { ...foundation, network: v.optional(network) },
    'expected a mapping of keys to values',
  )
  // The entries of network modes are not known to the type system; their shape is NetworkFile.
  return schema as unknown as v.GenericSchema<unknown, GuestFile>
}
