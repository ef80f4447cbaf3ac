import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { effectiveConfig } from '../../core/guest/config.ts'
import { parseGuestFile } from '../../core/guest/config_file.ts'
import type { NetworkMode } from '../../core/plugin/types.ts'
import { suite } from '../support/suite.ts'

const modes: readonly NetworkMode[] = [
  { mode: 'none', doc: 'nothing', namespace: 'own', steps: () => [] },
  {
    mode: 'wide',
    doc: 'for this test',
    namespace: 'own',
    options: {
      egress: { kind: 'number', unit: 'rate', doc: 'limit', optional: true },
      mtu: { kind: 'number', unit: 'none', doc: 'size', default: 1500, min: 68, max: 65535 },
      peers: { kind: 'list', doc: 'others' },
    },
    steps: () => [],
  },
]

const read = (text: string) =>
  effectiveConfig(parseGuestFile({ file: 'guest.yaml', text }, modes), { name: 'web', modes })

const test = suite('parseGuestFile()')

test('applies every default to an empty file', () => {
  assert.equal(read(''), {
    from: undefined,
    autostart: false,
    after: [],
    mounts: [],
    hostname: 'web',
    init: undefined,
    env: {},
    stopTimeoutMs: 30_000,
    unify: { exclude: [] },
    network: { mode: 'none', options: {} },
  })
})

test('reads every key', () => {
  const text = `from: dir:/srv/tree
autostart: true
after: [db]
mounts: [{ source: /srv/www, target: /var/www, readOnly: true }, { source: /a, target: /b }]
hostname: web.example.org
init: [/bin/sh, -c, 'exec sleep 1']
env: { LANG: C.UTF-8 }
stopTimeout: 5s
unify: { exclude: [/srv/db] }
network: { mode: wide, egress: 100Mbit/s, peers: [a] }
`
  assert.equal(read(text), {
    from: 'dir:/srv/tree',
    autostart: true,
    after: ['db'],
    mounts: [
      { source: '/srv/www', target: '/var/www', readOnly: true },
      { source: '/a', target: '/b', readOnly: false },
    ],
    hostname: 'web.example.org',
    init: ['/bin/sh', '-c', 'exec sleep 1'],
    env: { LANG: 'C.UTF-8' },
    stopTimeoutMs: 5000,
    unify: { exclude: ['/srv/db'] },
    network: { mode: 'wide', options: { egress: 1e8, mtu: 1500, peers: ['a'] } },
  })
})

/** [what, text, code, line, column, key, part of the message] */
const bad: readonly (readonly [string, string, string, number, number, string | null, string])[] = [
  [
    'an unknown key',
    'from: dir:/x\nautostrat: true',
    'E_CONFIG_KEY',
    2,
    1,
    'autostrat',
    'not a key',
  ],
  [
    'an unknown key of a mount',
    'mounts:\n  - source: /a\n    target: /b\n    readonly: true',
    'E_CONFIG_KEY',
    4,
    5,
    'mounts.0.readonly',
    'not a key',
  ],
  [
    'a key of another mode',
    'network: {mode: none, mtu: 1}',
    'E_CONFIG_KEY',
    1,
    23,
    'network.mtu',
    '',
  ],
  ['__proto__', '__proto__: {a: 1}', 'E_CONFIG_KEY', 1, 1, '__proto__', 'not a key'],
  ['constructor', 'env:\n  constructor: x', 'E_CONFIG_KEY', 2, 3, 'env.constructor', 'not a key'],
  ['no YAML', 'a: [', 'E_CONFIG_SYNTAX', 1, 5, null, ''],
  ['a key twice', 'after: []\nafter: []', 'E_CONFIG_SYNTAX', 2, 1, null, 'unique'],
  ['a list', '- a', 'E_CONFIG_RANGE', 1, 1, null, 'mapping'],
  ['a time without unit', 'stopTimeout: 10', 'E_CONFIG_RANGE', 1, 14, 'stopTimeout', '10s'],
  ['a time of two days', 'stopTimeout: 2d', 'E_CONFIG_RANGE', 1, 14, 'stopTimeout', 'at most'],
  ['yes for true', 'autostart: yes', 'E_CONFIG_RANGE', 1, 12, 'autostart', 'true or false'],
  [
    'a target in /proc',
    'mounts: [{ source: /a, target: /proc/x }]',
    'E_CONFIG_RANGE',
    1,
    32,
    'mounts.0.target',
    '/proc',
  ],
  [
    'a target //',
    'mounts: [{source: /a, target: //}]',
    'E_CONFIG_RANGE',
    1,
    31,
    'mounts.0.target',
    '',
  ],
  [
    'a target with ..',
    'mounts: [{source: /a, target: /a/../proc}]',
    'E_CONFIG_RANGE',
    1,
    31,
    'mounts.0.target',
    '..',
  ],
  [
    'a relative source',
    'mounts: [{source: a, target: /b}]',
    'E_CONFIG_RANGE',
    1,
    19,
    'mounts.0.source',
    '',
  ],
  [
    'a mount without target',
    'mounts: [{source: /a}]',
    'E_CONFIG_RANGE',
    1,
    10,
    'mounts.0.target',
    'missing',
  ],
  ['a guest that cannot be', 'after: [../x]', 'E_CONFIG_RANGE', 1, 9, 'after.0', 'name of a guest'],
  ['a variable with =', "env: {'A=B': x}", 'E_CONFIG_RANGE', 1, 7, 'env.A=B', 'variable'],
  ['a number as variable', 'env: {A: 1}', 'E_CONFIG_RANGE', 1, 10, 'env.A', 'text'],
  ['a relative init', 'init: bin/sh', 'E_CONFIG_RANGE', 1, 7, 'init', 'absolute'],
  [
    'an unknown mode',
    'network: {mode: bridge}',
    'E_CONFIG_RANGE',
    1,
    17,
    'network.mode',
    'none, wide',
  ],
  [
    'a mode without its option',
    'network: {mode: wide}',
    'E_CONFIG_RANGE',
    1,
    1,
    'network.peers',
    'missing',
  ],
  ['a mode missing', 'network: {}', 'E_CONFIG_RANGE', 1, 1, 'network.mode', 'missing'],
  [
    'a number out of range',
    'network: {mode: wide, peers: [], mtu: 1}',
    'E_CONFIG_RANGE',
    1,
    39,
    'network.mtu',
    '68..65535',
  ],
  ['a host name with spaces', 'hostname: a b', 'E_CONFIG_RANGE', 1, 11, 'hostname', 'host name'],
  ['a source without scheme', 'from: /srv', 'E_CONFIG_RANGE', 1, 7, 'from', 'SCHEME'],
]

for (const [what, text, code, line, column, key, part] of bad) {
  test(`names line and key of ${what}`, () => {
    try {
      read(text)
    } catch (error) {
      if (!(error instanceof VServerError)) throw error
      assert.is(error.code, code)
      const { file, ...where } = error.details ?? {}
      assert.is(file, 'guest.yaml')
      assert.equal(where, { line, column, key })
      assert.ok(error.message.includes(`line ${line}, column ${column}`), error.message)
      assert.ok(error.message.includes(part), error.message)
      return
    }
    assert.unreachable('it was accepted')
  })
}

test('says what was probably meant', () => {
  try {
    read('stopTimout: 1s')
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof VServerError)) throw error
    assert.is(error.hint, 'did you mean "stopTimeout"?')
  }
})

test('refuses aliases that grow without end', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (let level = 1; level < 9; level++) {
    const before = String.fromCharCode(96 + level)
    const name = String.fromCharCode(97 + level)
    bomb.push(`${name}: &${name} [${`*${before},`.repeat(9)}]`)
  }
  try {
    read(bomb.join('\n'))
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof VServerError)) throw error
    assert.is(error.code, 'E_CONFIG_SYNTAX')
  }
})

test.run()
