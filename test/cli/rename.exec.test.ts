import { spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { executorPath, inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { makeTree, program } from './program.ts'

const test = suite('vserver rename', { needs: ['root'], timeoutMs: 120_000 })
const it = program()
test.after(() => it.dispose())
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const first = (name: string): number => {
  const meta: { ids: { first: number } } = JSON.parse(
    readFileSync(lib('guests', name, 'meta.json'), 'utf8'),
  )
  return meta.ids.first
}
const claim = (name: string) => readlinkSync(`/var/lib/vserver/ids/${first(name)}`)
const hostname = (name: string) =>
  readFileSync(lib('guests', name, 'upper/etc/hostname'), 'utf8').trim()

const tree = makeTree(join(it.scratch, 'tree'))
const source = ['--from', `dir:${tree}`]

test.before(() => {
  mkdirSync(join(tree, 'etc'))
  writeFileSync(join(tree, 'etc/hostname'), 'machine\n')
  const ran = it.run('create', 'one', ...source)
  if (ran.code !== 0) throw new Error(ran.stderr)
})

test('changes the host name with the name, unless it is configured', () => {
  assert.is(hostname('one'), 'one')
  assert.is(it.run('rename', 'one', 'two').code, 0)
  assert.is(hostname('two'), 'two')
  assert.is(claim('two'), lib('guests/two'))
  assert.is(lstatSync(lib('guests/two/upper/etc/hostname')).mode & 0o7777, 0o644)
  it.run('set', 'two', 'hostname=fixed')
  assert.is(it.run('rename', 'two', 'one').code, 0)
  assert.is(hostname('one'), 'two', 'a start would change it')
  it.run('set', 'one', '--unset', 'hostname')
  writeFileSync(lib('guests/one/upper/etc/hostname'), 'theirs\n')
  assert.is(it.run('rename', 'one', 'two').code, 0)
  assert.is(hostname('two'), 'theirs')
  assert.is(it.run('rename', 'two', 'one').code, 0)
  for (const file of ['hostname', 'upper/etc/hostname']) {
    writeFileSync(lib('guests/one', file), 'one\n')
  }
})

test('changes the host name where a layer holds it', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'copy', 'other'))
  assert.is(it.run('create', 'other', ...source).code, 0)
  assert.is(it.run('clone', 'other', 'copy').code, 0)
  assert.equal(readdirSync(lib('guests/other/upper')), [])
  assert.is(it.run('rename', 'other', 'another').code, 0)
  assert.is(hostname('another'), 'another')
  assert.is(hostname('copy'), 'copy')
  assert.is(it.run('rename', 'another', 'other').code, 0)
})

test('may be killed before any of its changes: one name holds, and the ids stay', () => {
  const run = (killAt: number, ...words: readonly string[]) =>
    spawnSync(
      process.execPath,
      ['--import', inRepository('test/cli/kill_at.ts'), inRepository('core/main.ts'), ...words],
      {
        env: {
          ...process.env,
          VSERVER_EXECUTOR: executorPath,
          VSERVER_ROOT: it.root,
          VSERVER_TEST_KILL_AT: String(killAt),
        },
        encoding: 'utf8',
      },
    )
  let [from, to] = ['one', 'two']
  const counted = run(0, 'rename', from, to)
  assert.is(counted.status, 0, counted.stderr)
  ;[from, to] = [to, from]
  const total = Number(/changes: (\d+)/.exec(counted.stderr)?.[1])
  const ids = first(from)
  // Every fourth one, from any of the first, for each takes a second.
  for (let at = 1 + process.pid % 4; at <= total; at += 4) {
    run(at, 'rename', from, to)
    const names = readdirSync(lib('guests')).filter((name) => !name.startsWith('.'))
    assert.is(names.length, 1, `killed at ${at}: ${names.join()}`)
    if (names[0] === from) {
      const again = it.run('rename', from, to)
      assert.is(again.code, 0, `a second try after ${at}: ${again.stderr}`)
    }
    assert.is(hostname(to), to, `killed at ${at}`)
    assert.is(first(to), ids)
    // Whoever claims ids next finds the guest, whatever its claim says.
    const other = it.run('create', 'other', ...source)
    assert.is(other.code, 0, other.stderr)
    assert.is.not(first('other'), ids, `killed at ${at}: ids given twice`)
    assert.is(claim(to), lib('guests', to), `killed at ${at}`)
    assert.is(it.run('destroy', 'other', '--yes').code, 0)
    assert.not(existsSync(join(it.root, 'run/vserver/guests', from)), `killed at ${at}`)
    ;[from, to] = [to, from]
  }
})

test.run()
