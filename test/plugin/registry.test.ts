import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { makeRegistry } from '../../core/plugin/registry.ts'
import type { NetworkMode, Plugin } from '../../core/plugin/types.ts'
import { plugins } from '../../plugins/index.ts'
import { suite } from '../support/suite.ts'

const mode: NetworkMode = { mode: 'x', doc: 'x', namespace: 'own', steps: () => [] }
const plugin: Plugin = { name: 'net-x', api: 1, networkModes: [mode] }

/** A plugin as an out-of-tree file could hold it, whatever the types say. */
function foreign(value: unknown): Plugin {
  return value as Plugin
}

const test = suite('makeRegistry()')

test('puts the plugins of the program together', () => {
  const registry = makeRegistry(plugins)
  assert.equal(registry.bootstrappers.map(({ scheme }) => scheme), [
    'debian',
    'dir',
    'guest',
    'tar',
  ])
  assert.equal(registry.networkModes.map((one) => one.mode), ['none'])
})

const bad: readonly (readonly [string, readonly Plugin[], string])[] = [
  ['another api', [foreign({ ...plugin, api: 2 })], 'is written for api 2'],
  ['no api', [foreign({ name: 'net-x' })], 'is written for api undefined'],
  ['an unknown key', [foreign({ ...plugin, networkMode: [] })], '"networkMode" is not a key'],
  [
    'an unknown key of a mode',
    [foreign({ ...plugin, networkModes: [{ ...mode, setps: [] }] })],
    '"networkModes.setps" is not a key',
  ],
  ['a mode without name', [foreign({ ...plugin, networkModes: [{ doc: '' }] })], 'has no "mode"'],
  ['a bad name', [foreign({ ...plugin, name: '../x' })], 'its name'],
  ['a plugin twice', [plugin, plugin], 'plugin "net-x" is already'],
  [
    'a mode twice',
    [plugin, { ...plugin, name: 'net-y' }],
    'mode "x" is already that of plugin "net-x"',
  ],
]
for (const [what, list, part] of bad) {
  test(`refuses ${what}`, () => {
    try {
      makeRegistry(list)
    } catch (error) {
      if (!(error instanceof VServerError)) throw error
      assert.is(error.code, 'E_PLUGIN')
      assert.ok(error.message.includes(part), error.message)
      return
    }
    assert.unreachable('it was accepted')
  })
}

test.run()
