/**
 * The rest of a guest's life with the single file: clones that run, changed keys, plugins, orders.
 *
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { product, tinyTree } from './product.ts'

const test = suite('a guest’s life', {
  needs: ['root', 'vserver', 'test-tools'],
  timeoutMs: 60_000,
})
const it = product()
const tree = join(it.scratch, 'tree')
test.before(() => void tinyTree(tree))
test.after(() => it.dispose())
const create = (name: string, ...more: readonly string[]) =>
  it.must('create', name, '--from', `dir:${tree}`, ...more)

interface Shown {
  readonly name: string
  readonly state: string
  readonly pending: readonly string[]
}
const status = (...names: readonly string[]): readonly Shown[] =>
  JSON.parse(it.must('status', '--json', ...names))

test('clones run beside their source, and further clones stand on more layers', ({ cleanup }) => {
  cleanup(() => it.run(['kill', '--all']) && it.run(['destroy', '--all', '--yes']))
  create('c0')
  for (let depth = 0; depth < 14; depth++) {
    writeFileSync(it.guest(`c${depth}`, 'upper', `f${depth}`), String(depth))
    it.must('clone', `c${depth}`, `c${depth + 1}`)
  }
  it.must('start', 'c0', 'c14')
  assert.equal(status('c0', 'c14').map(({ state }) => state), ['running', 'running'])
  it.must('exec', 'c14', '--', '/true-static')
  const { layers }: { layers: readonly string[] } = JSON.parse(
    readFileSync(it.guest('c14', 'meta.json'), 'utf8'),
  )
  assert.ok(layers.length <= 10, 'they are merged before there are more')
  assert.is(it.run(['rename', 'c14', 'x']).code, 1)
  it.must('stop', 'c14')
  writeFileSync(it.guest('c14', 'upper', 'last'), '')
  it.must('create', 'flat', '--from', 'guest:c14')
  const record: { template: string; layers: readonly string[] } = JSON.parse(
    readFileSync(it.guest('flat', 'meta.json'), 'utf8'),
  )
  assert.equal(record.layers, [])
  const template = join(it.root, 'var/lib/vserver/templates', record.template)
  assert.is(readFileSync(join(template, 'f13'), 'utf8'), '13')
  assert.ok(statSync(join(template, 'last')).isFile())
  it.must('start', 'flat')
  it.must('exec', 'flat', '--', '/true-static')
})

test('keys that wait for the next start are pending until then', ({ cleanup }) => {
  cleanup(() => it.run(['kill', 'web']) && it.run(['destroy', 'web', '--yes']))
  create('web')
  it.must('set', 'web', 'hostname=before')
  assert.equal(status('web')[0]?.pending, [])
  it.must('start', 'web')
  const text = it.must(
    'set',
    'web',
    'hostname=after',
    'env.A=b',
    'autostart=true',
    'stopTimeout=5s',
  )
  assert.is(text, 'web changed\npending until the next start: hostname, env, stopTimeout\n')
  assert.equal(status('web')[0]?.pending, ['hostname', 'env', 'stopTimeout'])
  assert.match(it.must('status', 'web'), /\n {2}pending {4}hostname, env, stopTimeout\n$/)
  it.must('set', 'web', 'hostname=before', '--unset', 'stopTimeout')
  assert.equal(status('web')[0]?.pending, ['env'])
  it.must('restart', 'web')
  assert.equal(status('web')[0]?.pending, [])
  const native = it.run(['status', 'web', '--json'])
  const appliance = it.run(['status', 'web', '--json'], { env: { VSERVER_NATIVE: '0' } })
  const still = (shown: string) => shown.replace(/"uptimeMs":\d+/, '')
  assert.is(still(native.stdout), still(appliance.stdout))
})

test('all guests start, restart, stop and go in their order', ({ cleanup }) => {
  cleanup(() => it.run(['kill', '--all']) && it.run(['destroy', '--all', '--yes']))
  create('a', '--set', 'after=[b]')
  create('b', '--set', 'after=[c]')
  create('c')
  create('off')
  assert.is(it.must('start', 'a', 'b', 'c'), 'c started\nb started\na started\n')
  assert.is(
    it.must('restart', '--all'),
    'a stopped\nb stopped\nc stopped\nc started\nb started\na started\n',
  )
  assert.is(status('off')[0]?.state, 'created')
  assert.is(it.must('stop', 'c', 'a', 'b'), 'a stopped\nb stopped\nc stopped\n')
  const some = it.run(['stop', 'a', 'nobody', 'c'])
  assert.is(some.code, 4)
  assert.is(it.must('destroy', '--yes', 'b', 'a', 'c'), 'a destroyed\nb destroyed\nc destroyed\n')
  assert.is(it.must('destroy', '--all', '--yes', '--json'), '[{"name":"off","destroyed":true}]\n')
})

test('plugins of a root work in the single file', ({ cleanup }) => {
  cleanup(() => it.run(['kill', '--all']) && it.run(['destroy', '--all', '--yes']))
  const place = join(it.root, 'etc/vserver/plugins/net-mine')
  mkdirSync(place, { recursive: true, mode: 0o755 })
  writeFileSync(
    join(place, 'plugin.mts'),
    `import { word } from './word.mts'
import { hostname } from 'node:os'
type Print = { print(text: string): void }
export default {
  name: 'net-mine', api: 1,
  networkModes: [{ mode: 'mine', doc: 'of the host', namespace: 'host', steps: () => [] }],
  commands: [{ verb: 'say', doc: 'say', examples: ['vserver say'],
    run: (_: string[], __: object, { print }: Print) => (print(word + typeof hostname()), Promise.resolve(0)),
  }],
}
`,
    { mode: 0o644 },
  )
  writeFileSync(join(place, 'word.mts'), 'export const word: string = "said "\n', { mode: 0o644 })
  assert.is(it.must('say'), 'said string')
  assert.match(it.must('plugins'), /^network mode +mine +net-mine +\/.*plugin\.mts$/m)
  assert.match(it.must('plugins', '--test', place), /\n\d+ passed, 0 failed\n$/)
  create('web', '--set', 'network.mode=mine')
  it.must('start', 'web')
  it.must('stop', 'web')
  // A plugin that changes makes the kept plan stale: the appliance compiles anew.
  const kept = () => statSync(join(it.root, 'run/vserver/guests/web/start.kept')).mtimeMs
  const before = kept()
  it.must('start', 'web')
  assert.is(kept(), before, 'a replay')
  it.must('stop', 'web')
  writeFileSync(join(place, 'word.mts'), 'export const word: string = "more "\n')
  it.must('start', 'web')
  assert.ok(kept() > before, 'compiled anew')
  it.must('stop', 'web')
  assert.equal(readdirSync(place).toSorted(), ['plugin.mts', 'word.mts'])
})

test('completion is printed by the single file', () => {
  assert.match(it.must('completion', 'bash'), /complete -F _vserver vserver/)
})

test.run()
