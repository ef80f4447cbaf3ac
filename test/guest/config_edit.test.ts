import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { type Edit, editConfig } from '../../core/guest/config_edit.ts'
import { effectiveValues } from '../../core/guest/config_origin.ts'
import { pendingKeys } from '../../core/guest/pending.ts'
import { parseEdit } from '../../core/cli/settings.ts'
import { suite } from '../support/suite.ts'

const test = suite('editConfig()')
const edit = (text: string, ...words: readonly string[]) =>
  editConfig({ file: 'guest.yaml', text }, words.map(parseEdit))
const unset = (text: string, ...path: readonly string[]) =>
  editConfig({ file: 'guest.yaml', text }, [{ kind: 'unset', path }])

test('keeps comments, empty lines, quotes and the order of keys', () => {
  const text = '# top\n\nb: "x" # of b\n# of a\na:\n  - 1 # one\n\nc: {x: 1, y: [2, 3]}\n'
  assert.is(edit(text, 'd=1'), `${text}d: 1\n`)
  assert.is(edit(text, 'b=y'), text.replace('"x"', 'y'))
  assert.is(edit(text, 'a+=2'), text.replace('# one\n', '# one\n  - 2\n'))
  assert.is(unset(text, 'b'), text.replace('b: "x" # of b\n', ''))
})

test('gives the text back as it was when nothing changes', () => {
  const text = "a:   [ 1,2 ]   # odd\nb:    'x'\n"
  assert.is(edit(text, 'a+=1', 'b=x'), text)
  assert.is(unset(text, 'c', 'd'), text)
})

test('starts lists and mappings that are not there, and removes empty mappings', () => {
  assert.is(edit('', 'after+=db'), 'after: [ db ]\n')
  assert.is(edit('', 'network.mode=none'), 'network:\n  mode: none\n')
  assert.is(unset('a: 1\nnetwork:\n  mode: none\n', 'network', 'mode'), 'a: 1\n')
  assert.is(unset('a: 1\n', 'a').trim(), '')
  assert.is(edit('# only this\n', 'a=1').trim().split('\n').at(-1), 'a: 1')
})

for (
  const [what, text, word] of [
    ['an item of what is no list', 'a: 1\n', 'a+=2'],
    ['an item that is not there', 'a: [1]\n', 'a-=2'],
    ['a list for a file', '- a\n', 'a=1'],
    ['what is no YAML', 'a: [\n', 'b=1'],
  ] as const
) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => edit(text, word),
      (error: unknown) => error instanceof VServerError && error.exitCode === 2,
    )
  })
}

test('takes words apart', () => {
  const cases: readonly (readonly [string, Edit])[] = [
    ['a.b=c=d', { kind: 'set', path: ['a', 'b'], value: 'c=d' }],
    ['a-b-=1', { kind: 'remove', path: ['a-b'], value: 1 }],
    ['a+={x: y}', { kind: 'add', path: ['a'], value: { x: 'y' } }],
    ['a=b+=c', { kind: 'set', path: ['a'], value: 'b+=c' }],
  ]
  for (const [word, expected] of cases) assert.equal(parseEdit(word), expected, word)
  assert.throws(() => parseEdit('a='), /a= has no value/)
})

test.run()

const others = suite('effectiveValues(), pendingKeys()')

others('names lines, defaults and plugins', () => {
  const mode = {
    mode: 'm',
    doc: 'm',
    namespace: 'own',
    options: { rate: { kind: 'text', default: 'slow', doc: 'x' } },
    steps: () => [],
  } as const
  const text = '# x\nhostname: h\nnetwork:\n  mode: m\n'
  const file = { hostname: 'h', network: { mode: 'm' } }
  const values = effectiveValues({ name: 'g', text, file }, [
    { name: 'net-m', api: 1, networkModes: [mode] },
  ])
  const found = new Map(values.map(({ key, value, origin }) => [key, [value, origin]]))
  assert.equal(found.get('hostname'), ['h', { kind: 'file', line: 2 }])
  assert.equal(found.get('network.mode'), ['m', { kind: 'file', line: 4 }])
  assert.equal(found.get('network.rate'), ['slow', { kind: 'plugin', plugin: 'net-m' }])
  assert.equal(found.get('autostart'), [false, { kind: 'default' }])
})

others('compares by value, and sees keys that came and went', () => {
  const then = new Map<string, unknown>([['env', { A: '1' }], ['init', null], ['network.x', 1]])
  const now = new Map<string, unknown>([['env', { A: '1' }], ['init', ['/x']], ['network.y', 1]])
  assert.equal(pendingKeys(then, now), ['init', 'network.y', 'network.x'])
})

others.run()
