import * as assert from 'uvu/assert'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { suite } from '../support/suite.ts'
import { executorUnderTest, until, world } from '../front/support/world.ts'

const test = suite('the console', { needs: ['root', 'executor', 'gcc'], timeoutMs: 30_000 })

test('is logged, into two files of 1 MiB', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['flood', String(3 << 20)])
  w.run('start', 'web')
  const log = w.guestDir('web', 'console.log')
  const old = w.guestDir('web', 'console.log.1')
  await until('a full log', () => existsSync(old) && existsSync(log))
  await until('the end of the flood', () => {
    const size = statSync(log).size
    return size === (spawnSync('sleep', ['0.2']), statSync(log).size)
  })
  assert.ok(statSync(log).size <= 1 << 20)
  assert.ok(statSync(old).size <= 1 << 20)
  assert.ok(statSync(old).size > (1 << 20) - 8192)
  assert.match(readFileSync(old, 'utf8').slice(-3000), /x{1023}\r\n/)
  assert.is(w.run('stop', 'web').status, 0)
})

test('keeps what came last before the end', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['echo'])
  w.run('start', 'web')
  const out = spawnSync(executorUnderTest, ['@attach', w.runDir('web'), 'web'], {
    input: 'one\ntwo\n',
    encoding: 'utf8',
    env: w.env(),
  })
  assert.is(out.status, 0)
  await until(
    'the echo',
    () => /got:two/.test(readFileSync(w.guestDir('web', 'console.log'), 'utf8')),
  )
})

test('can be attached to, and left with Ctrl-]', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['echo'])
  w.run('start', 'web')
  const words = ['--', executorUnderTest, '@attach', w.runDir('web'), 'web']
  const steps = [
    'expect:Ctrl-] detaches',
    'send:hello\\r',
    'expect:got:hello',
    'send:\\x1d',
    'expect:Detached from web',
    'wait',
    'modes',
  ]
  const out = spawnSync(w.tool('terminal'), [...steps, ...words], {
    encoding: 'utf8',
    env: w.env(),
  })
  assert.is(out.stdout, 'exit 0\nrestored\n')
  const killed = spawnSync(
    w.tool('terminal'),
    [
      'expect:detaches',
      `run:${executorUnderTest} --root ${w.root} kill web`,
      'expect:is closed',
      'wait',
      'modes',
      ...words,
    ],
    { encoding: 'utf8', env: w.env() },
  )
  assert.match(killed.stdout, 'exit 0\nrestored\n')
})

test('follows the size of the terminal attached to it', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['idle'])
  w.run('start', 'web')
  const words = ['--', executorUnderTest, '@attach', w.runDir('web'), 'web']
  const size = `stty size </proc/${w.state('web')?.init.pid}/fd/0 >${w.root}/size`
  const pause = 'run:sleep 0.3'
  const out = spawnSync(
    w.tool('terminal'),
    [
      'expect:detaches',
      pause,
      `run:${size}; grep -q "24 80" ${w.root}/size`,
      'size:50x120',
      pause,
      `run:${size}; grep -q "50 120" ${w.root}/size`,
      'send:\\x1d',
      'wait',
      ...words,
    ],
    { encoding: 'utf8', env: w.env() },
  )
  assert.is(out.stdout, 'exit 0\n')
})

test('does not wait for clients that do not read, and lets go those that talk nonsense', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  // It goes on until it is stopped, however late the clients come.
  w.guest('loud', ['flood', String(2 ** 50)])
  w.guest('web', ['echo'])
  w.run('start', 'loud')
  w.run('start', 'web')
  const deaf = spawnSync(w.tool('console'), [w.runDir('loud'), 'deaf', '6'], { encoding: 'utf8' })
  assert.is(deaf.stdout, '6\n')
  assert.is(w.run('exec', 'loud', 'true').status, 0)
  assert.is(w.run('stop', 'loud').status, 0)
  const bad = spawnSync(w.tool('console'), [w.runDir('web'), 'bad'], { encoding: 'utf8' })
  assert.is(bad.stdout, 'parted\n')
  const slow = spawnSync(w.tool('console'), [w.runDir('web'), 'slow'], { encoding: 'utf8' })
  assert.is(slow.stdout, 'echoed\n')
})

test('a full disk loses output and nothing else', ({ cleanup }) => {
  const w = world()
  const dir = w.guestDir('web')
  cleanup(w.destroy)
  w.guest('web', ['flood', String(2 << 20)])
  // A file system of 64 KiB in the guest's place; what the plan was made from moves along.
  assert.is(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', dir]).status, 0)
  cleanup(() => spawnSync('umount', ['-l', dir]))
  w.guest('web', ['flood', String(2 << 20)])
  assert.is(w.run('start', 'web').status, 0)
  spawnSync('sleep', ['0.5'])
  assert.is(w.run('exec', 'web', 'true').status, 0)
  const filler = spawnSync('sh', ['-c', `cat /dev/zero >${dir}/filler`])
  assert.is.not(filler.status, 0)
  assert.is(w.run('stop', 'web').stdout, 'web stopped\n')
  assert.is(w.state('web'), undefined)
  writeFileSync(w.runDir('web', 'done'), '')
})

test.run()
