import * as assert from 'uvu/assert'
import { existsSync } from 'node:fs'
import process from 'node:process'
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

test.run()
