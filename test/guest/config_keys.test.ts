import * as assert from 'uvu/assert'
import { plugins } from '../../plugins/index.ts'
import { guestJsonSchema, type JsonSchema } from '../../core/guest/config_json_schema.ts'
import { keyDocs, modeKeyDocs, renderKeyTable } from '../../core/guest/config_keys.ts'
import { makeRegistry } from '../../core/plugin/registry.ts'
import { suite } from '../support/suite.ts'

const modes = makeRegistry(plugins).networkModes
const test = suite('keyDocs')

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null
}

/** Paths of all properties of a JSON Schema; those of `anyOf` are those of all of them. */
function pathsOf(schema: unknown, prefix: string): readonly string[] {
  if (!isSchema(schema)) return []
  const own = isSchema(schema['properties']) ? Object.entries(schema['properties']) : []
  const below = own.flatMap(([key, value]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    return [path, ...pathsOf(value, path)]
  })
  const items = pathsOf(schema['items'], `${prefix}[]`)
  const variants = Array.isArray(schema['anyOf']) ? schema['anyOf'] : []
  return [...below, ...items, ...variants.flatMap((one) => pathsOf(one, prefix))]
}

test('describes exactly the keys of the schema', () => {
  const paths = [...new Set(pathsOf(guestJsonSchema(modes), ''))].filter((path) =>
    path !== 'network' && path !== 'unify'
  )
  const documented = [...keyDocs, ...modeKeyDocs(modes)].map(({ key }) => key)
  assert.equal(paths.toSorted(), documented.toSorted())
})

test('renders a row for each', () => {
  const rows = renderKeyTable(modes).split('\n')
  assert.is(rows.length, 2 + keyDocs.length + modeKeyDocs(modes).length)
  assert.ok(rows.every((row) => row.startsWith('|') && row.endsWith('|')))
})

test('the schema is JSON', () => {
  const schema = guestJsonSchema(modes)
  assert.equal(JSON.parse(JSON.stringify(schema)), schema)
})

test.run()
