import * as assert from 'uvu/assert'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from '../support/suite.ts'
import { executorUnderTest, start, until, world } from '../front/support/world.ts'

const test = suite('the supervisor', { needs: ['root', 'executor', 'gcc'], timeoutMs: 30_000 })

/** Whether a process is there and no zombie. */
function lives(pid: number): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !/\) Z/.test(readFileSync(path, 'utf8'))
}

test('turns a reboot into a fresh start in the same process', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  const count = join(w.root, 'boots')
  w.guest('web', ['reboot', count])
  w.run('start', 'web')
  await until(
    'three boots',
    () => w.state('web')?.restarts === 2 && w.state('web')?.state === 'running',
  )
  await until('the third', () => readFileSync(count, 'utf8') === '3')
  assert.is(JSON.parse(w.run('status', '--json', 'web').stdout)[0].restarts, 2)
  assert.is(w.run('exec', 'web', 'true').status, 0)
  assert.is(w.run('stop', 'web').stdout, 'web stopped\n')
  assert.not(existsSync(w.runDir('web', 'made')))
})

test('goes on to report to who waits for the end, over reboots', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  writeFileSync(join(w.root, 'boots'), '0')
  w.guest('web', ['reboot', join(w.root, 'boots')])
  const waiting = start(executorUnderTest, ['start', '--wait=exit', 'web'], w.env())
  return until(
    'three boots',
    () => w.state('web')?.restarts === 2 && w.state('web')?.state === 'running',
  )
    .then(() => {
      w.run('kill', 'web')
      return waiting.ended
    })
    .then(({ code }) => {
      assert.is(code, 137)
      assert.is(waiting.output(), 'web started\n')
    })
})

test('slows a guest that reboots without end, and still stops it', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['storm', join(w.root, 'boots')])
  w.run('start', 'web')
  await until('the pause', () => (w.state('web')?.restarts ?? 0) >= 6)
  const before = w.state('web')?.restarts ?? 0
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.ok((w.state('web')?.restarts ?? 99) - before <= 3)
  assert.is(w.run('stop', 'web').status, 0)
  assert.not(existsSync(w.runDir('web', 'state')))
})

test('reads a power-off as an end with 0', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['poweroff'])
  w.run('start', 'web')
  await until('the end', () => w.exit('web') !== undefined && w.state('web') === undefined)
  assert.equal([w.exit('web')?.reason, w.exit('web')?.code, w.exit('web')?.signal], [
    'poweroff',
    0,
    null,
  ])
  assert.match(w.run('status', 'web').stdout, /web: stopped\n[^]*last exit {2}poweroff at /)
})

test("init starts with nothing of the caller's", ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['idle'])
  const script = `trap '' HUP PIPE USR1; ulimit -S -c 0; exec 9</etc/passwd; exec "$0" start web`
  spawnSync('sh', ['-c', script, executorUnderTest], { env: w.env(), cwd: '/usr' })
  const { init, supervisor } = w.state('web') ?? { init: { pid: 0 }, supervisor: { pid: 0 } }
  for (const pid of [init.pid, supervisor.pid]) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    assert.match(status, /SigIgn:\t0000000000000000/)
    assert.is(readlinkSync(`/proc/${pid}/cwd`), '/')
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      assert.is.not(readlinkSync(`/proc/${pid}/fd/${fd}`), '/etc/passwd')
    }
  }
  assert.match(readFileSync(`/proc/${init.pid}/status`, 'utf8'), /SigBlk:\t0000000000000000/)
  // The console, and where readiness is told.
  assert.equal(readdirSync(`/proc/${init.pid}/fd`).sort(), ['0', '1', '2', '3'])
})

test('is small when nothing happens', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['idle'])
  w.run('start', 'web')
  await new Promise((resolve) => setTimeout(resolve, 400))
  const rollup = readFileSync(`/proc/${w.state('web')?.supervisor.pid}/smaps_rollup`, 'utf8')
  const pss = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1])
  assert.ok(pss <= 64, `${pss} KB`)
})

test('reaps what is left to it', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['idle'])
  w.run('start', 'web')
  const supervisor = w.state('web')?.supervisor.pid ?? 0
  const children = () =>
    readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8').trim()
  await until('init alone', () => children() === String(w.state('web')?.init.pid))
})

test('shrugs off other signals; SIGTERM stops the guest in its own time', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  w.run('start', 'web')
  const pid = w.state('web')?.supervisor.pid ?? 0
  for (
    const signal of [
      'SIGHUP',
      'SIGINT',
      'SIGQUIT',
      'SIGUSR1',
      'SIGUSR2',
      'SIGPIPE',
      'SIGALRM',
      'SIGTSTP',
    ] as const
  ) {
    process.kill(pid, signal)
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.is(w.state('web')?.state, 'running')
  process.kill(pid, 'SIGTERM')
  await until('the end', () => w.state('web') === undefined)
  assert.equal([w.exit('web')?.reason, w.exit('web')?.code], ['stopped', 7])
})

test('takes its guest along when it is killed', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['idle'])
  w.run('start', 'web')
  const state = w.state('web')
  process.kill(state?.supervisor.pid ?? 0, 'SIGKILL')
  await until('init is dead', () => !lives(state?.init.pid ?? 0))
})

test('killed while it starts, it leaves what the next verb removes', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  for (const delayMs of [0, 1, 2, 5, 20]) {
    const name = `g${delayMs}`
    w.guest(name, ['idle'], { delayMs: 10 })
    const child = start(executorUnderTest, ['start', name], w.env(), 'vserver-native')
    await until('the record', () => w.state(name) !== undefined)
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    const state = w.state(name)
    process.kill(state?.supervisor.pid ?? 0, 'SIGKILL')
    await child.ended
    await until('its death', () => !lives(state?.supervisor.pid ?? 0))
    const list = w.run('list', name)
    assert.match(list.stdout, /failed/, `after ${delayMs} ms: ${list.stdout}${list.stderr}`)
    assert.not(existsSync(w.runDir(name, 'made')))
    assert.not(existsSync(w.runDir(name, 'state')))
    assert.is(w.run('start', name).stdout, `${name} started\n`)
  }
})

test.run()
