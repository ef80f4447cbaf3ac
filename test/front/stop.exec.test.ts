import * as assert from 'uvu/assert'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { layout } from '../../core/plan/abi.ts'
import { offsetOf } from '../../core/plan/layout.ts'
import { suite } from '../support/suite.ts'
import { executorUnderTest, start, until, world } from './support/world.ts'

const test = suite('native stop and kill', {
  needs: ['root', 'executor', 'gcc'],
  timeoutMs: 30_000,
})

test('asks the init, tears down, and records it', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  w.run('start', 'web')
  const result = w.run('stop', 'web')
  assert.equal([result.status, result.stdout, result.stderr], [0, 'web stopped\n', ''])
  assert.equal([w.exit('web')?.reason, w.exit('web')?.code], ['stopped', 7])
  assert.not(existsSync(w.runDir('web', 'made')))
  assert.not(existsSync(w.runDir('web', 'state')))
  assert.not(existsSync(w.runDir('web', 'console')))
  assert.is(w.run('stop', 'web').stdout, 'web is not running\n')
})

test('kills at once an init that does not listen, and in time one that does not obey', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('deaf', ['idle'], { stopTimeoutMs: 20_000 })
  w.guest('stubborn', ['stubborn'], { stopTimeoutMs: 300 })
  w.run('start', 'deaf')
  w.run('start', 'stubborn')
  let before = Date.now()
  assert.is(w.run('stop', 'deaf').stdout, 'deaf stopped\n')
  assert.ok(Date.now() - before < 3000)
  assert.equal([w.exit('deaf')?.reason, w.exit('deaf')?.signal], ['stopped', 9])
  before = Date.now()
  assert.is(w.run('stop', 'stubborn').status, 0)
  assert.ok(Date.now() - before >= 290)
  w.run('start', 'stubborn')
  before = Date.now()
  assert.is(w.run('stop', '--timeout', '50ms', 'stubborn').status, 0)
  assert.ok(Date.now() - before < 290)
})

test('kill works while a stop waits', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['stubborn'], { stopTimeoutMs: 20_000 })
  w.run('start', 'web')
  const stopping = start(executorUnderTest, ['stop', 'web'], w.env())
  await until('stopping', () => w.state('web')?.state === 'stopping')
  assert.match(w.run('list', 'web').stdout, 'stopping')
  const killed = w.run('kill', 'web')
  assert.equal([killed.status, killed.stdout], [0, 'web killed\n'])
  assert.is((await stopping.ended).code, 0)
})

test('kill kills, signals, and knows a guest that does not run', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  w.run('start', 'web')
  assert.is(w.run('kill', 'web').stdout, 'web killed\n')
  assert.equal([w.exit('web')?.reason, w.exit('web')?.signal], ['killed', 9])
  const none = w.run('kill', 'web')
  assert.is(none.status, 3)
  assert.match(none.stderr, 'vserver: Cannot kill "web": it is not running\n')
  w.run('start', 'web')
  assert.is(w.run('kill', '-s', 'TERM', 'web').status, 0)
  await until('its end', () => w.exit('web')?.reason === 'exited')
  assert.is(w.exit('web')?.code, 7)
})

test('an interrupted stop leaves the guest stopping', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['stubborn'], { stopTimeoutMs: 1000 })
  w.run('start', 'web')
  const child = start(executorUnderTest, ['stop', 'web'], w.env())
  await until('stopping', () => w.state('web')?.state === 'stopping')
  process.kill(child.pid, 'SIGINT')
  assert.is((await child.ended).code, 130)
  await until('its end', () => w.exit('web')?.reason === 'stopped')
})

test('what a killed supervisor left is cleaned by the next verb', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  for (const verb of ['status', 'list', 'stop', 'start', 'exec'] as const) {
    w.guest(verb, ['term'])
    w.run('start', verb)
    const state = w.state(verb)
    process.kill(state?.supervisor.pid ?? 0, 'SIGKILL')
    await until('init dies with it', () => !existsSync(`/proc/${state?.init.pid}/exe`))
    assert.ok(existsSync(w.runDir(verb, 'made')))
    const result = verb === 'exec' ? w.run('exec', verb, 'true') : w.run(verb, verb)
    assert.is(result.status, verb === 'exec' ? 3 : 0, result.stderr)
    if (verb === 'start') assert.is(w.state(verb)?.state, 'running')
    else assert.not(existsSync(w.runDir(verb, 'made')))
    if (verb === 'status') assert.match(result.stdout, /^status: failed\n[^]*last exit {2}lost at /)
    assert.is(w.exit(verb)?.reason, 'lost')
  }
})

/** What may lie where the record was. The guest runs all the same. */
const damages: Readonly<Record<string, (path: string) => void>> = {
  empty: (path) => truncateSync(path, 0),
  cut: (path) => truncateSync(path, 40),
  zeros: (path) => writeFileSync(path, Buffer.alloc(4096)),
  'of another boot': (path) => patch(path, 'boot'),
  'of another process': (path) => patch(path, 'supervisor_ino'),
  'a pipe': (path) => replace(path, () => spawnSync('mkfifo', [path])),
  'a link to a device': (path) => replace(path, () => symlinkSync('/dev/zero', path)),
}

function replace(path: string, make: () => void): void {
  rmSync(path)
  make()
}

/** Makes one field of a record another. */
function patch(path: string, field: 'boot' | 'supervisor_ino'): void {
  const record = readFileSync(path)
  const at = offsetOf(layout.state, field)
  record[at] = (record[at] ?? 0) ^ 1
  writeFileSync(path, record)
}

for (const [what, damage] of Object.entries(damages)) {
  test(`a record that is ${what} ends no guest, and stop and kill still do`, ({ cleanup }) => {
    const w = world()
    cleanup(w.destroy)
    for (const name of ['web', 'db', 'other']) {
      w.guest(name, ['term'])
      w.run('start', name)
    }
    const inits = ['web', 'db'].map((name) => w.state(name)?.init.pid)
    for (const name of ['web', 'db']) damage(w.runDir(name, 'state'))
    const words = /Cannot [a-z ]+ "web": its record ".*\/web\/state" is damaged, but its supervisor/
    for (
      const [code, ...line] of [[125, 'exec', 'web', 'true'], [1, 'status', 'web'], [
        1,
        'start',
        'web',
      ]]
    ) {
      const ran = w.run(...line.map(String))
      assert.is(ran.status, code, ran.stderr)
      assert.match(ran.stderr, words)
      assert.match(ran.stderr, /vserver stop web stops it, vserver kill web ends it at once/)
    }
    const listed = w.run('list')
    assert.is(listed.status, 1)
    assert.match(listed.stdout, /^other +running/m)
    assert.match(w.run('kill', '-s', 'HUP', 'web').stderr, /Cannot signal "web"/)
    for (const pid of inits) assert.ok(existsSync(`/proc/${pid}/exe`), 'its init runs')
    assert.equal([w.run('stop', 'web').stdout, w.exit('web')?.reason], ['web stopped\n', 'stopped'])
    assert.equal([w.run('kill', 'db').stdout, w.exit('db')?.reason], ['db killed\n', 'killed'])
    for (const pid of inits) assert.not(existsSync(`/proc/${pid}/exe`))
    for (const name of ['web', 'db']) {
      assert.is(w.run('start', name).status, 0)
      assert.is(w.state(name)?.state, 'running')
    }
  })
}

test('a record that is damaged, of a guest that nobody supervises, is cleaned up', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  w.run('start', 'web')
  const state = w.state('web')
  process.kill(state?.supervisor.pid ?? 0, 'SIGKILL')
  await until('init dies with it', () => !existsSync(`/proc/${state?.init.pid}/exe`))
  truncateSync(w.runDir('web', 'state'), 0)
  assert.is(w.run('exec', 'web', 'true').status, 3)
  assert.is(w.exit('web')?.reason, 'lost')
  assert.not(existsSync(w.runDir('web', 'made')))
})

test('kept files that are pipes or devices are not waited for, and not read', ({ cleanup }) => {
  const w = world({ forker: false })
  cleanup(w.destroy)
  w.guest('web', ['term'])
  w.run('start', 'web')
  for (
    const make of [
      (path: string) => spawnSync('mkfifo', [path]),
      (path: string) => symlinkSync('/dev/zero', path),
    ]
  ) {
    for (const file of ['enter.kept', 'start.kept']) {
      replace(w.runDir('web', file), () => make(w.runDir('web', file)))
    }
    for (const line of [['exec', 'web', 'true'], ['list'], ['status', 'web']]) {
      const ran = w.run(...line)
      // The executor alone has no appliance to compile them anew.
      assert.equal([ran.signal, ran.status], [null, 1], ran.stderr)
      assert.match(ran.stderr, /carries none/)
    }
  }
  rmSync(w.runDir('web', 'lock'))
  spawnSync('mkfifo', [w.runDir('web', 'lock')])
  assert.is(w.run('kill', 'web').status, 0)
})

test.run()
