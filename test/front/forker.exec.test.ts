/**
 * The process inside a guest that starts commands: who makes it, what is left of a command, and what
 * happens when the guest kills or stops it, or when the one who asked dies. @limit 200 s
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from '../support/suite.ts'
import { tool } from '../system/tools.ts'
import { executorUnderTest, start, until, world } from './support/world.ts'

const test = suite('the forker', { needs: ['root', 'executor', 'gcc'], timeoutMs: 100_000 })
const w = world()
const count = join(w.root, 'count')
test.before(async () => {
  w.guest('web', ['term'])
  w.guest('lazy', ['echo'])
  for (const name of ['web', 'lazy']) {
    assert.is(w.run('start', name).status, 0)
    await w.forker(name)
  }
})
test.after(() => w.destroy())

/** Pid, as the host has it, of a guest's forker. */
function forkerOf(name: string): number {
  const supervisor = w.state(name)?.supervisor.pid
  const found = globSync('/proc/[0-9]*/status').filter((path) => {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    return text.startsWith('Name:\tvserver-exec\n') && text.includes(`\nPPid:\t${supervisor}\n`)
  })
  assert.is(found.length, 1, `${found.length} forkers of ${name}`)
  return Number(found[0]?.split('/')[2])
}

const parent = (name: string) => w.run('exec', name, 'sh', '-c', 'echo $PPID').stdout.trim()
const counted = () => existsSync(count) ? readFileSync(count, 'utf8').length : 0
const counting = ['exec', 'web', 'sh', '-c', `printf x >>${count}`] as const

test('is made for a guest that has been entered, and for no other', async () => {
  w.guest('new', ['term'])
  w.run('start', 'new')
  assert.is(
    readFileSync(
      `/proc/${w.state('new')?.supervisor.pid}/task/${w.state('new')?.supervisor.pid}/children`,
      'utf8',
    ).trim().split(' ').length,
    1,
  )
  assert.is(parent('new'), '0')
  await w.forker('new')
  const pid = forkerOf('new')
  assert.is(w.run('stop', 'new').status, 0)
  assert.not(existsSync(`/proc/${pid}`))
})

test('shows the guest a name and nothing else', () => {
  const path = `/proc/${forkerOf('web')}`
  assert.is(readFileSync(`${path}/cmdline`, 'utf8').replaceAll('\0', ''), 'vserver-exec')
  assert.is(readFileSync(`${path}/environ`, 'utf8').replaceAll('\0', ''), '')
  assert.match(readFileSync(`${path}/status`, 'utf8'), /\nSigCgt:\t0+\n/)
})

test('has nothing left of a command', () => {
  const path = `/proc/${forkerOf('web')}`
  const secret = `secret${process.pid}`
  const large = 'y'.repeat(9000)
  for (const words of [['-e', `S=${secret}`, 'web', 'true'], ['web', 'true', secret, large]]) {
    assert.is(w.run('exec', ...words).status, 0)
  }
  assert.is(w.run('exec', 'web', 'no-such', secret).status, 127)
  assert.equal(readdirSync(`${path}/fd`).toSorted(), ['0', '1', '2', '63'])
  const writable = readFileSync(`${path}/maps`, 'utf8').split('\n').filter((line) =>
    / rw/.test(line)
  )
  const dump = spawnSync('sh', ['-c', 'cat <&3 | tr -d "\\0" | wc -c'], { stdio: 'ignore' })
  assert.is(dump.status, 0)
  const memory = writable.map((line) => {
    const [from = '0', to = '0'] = (line.split(' ')[0] ?? '').split('-')
    const first = Number.parseInt(from, 16)
    const pages = (Number.parseInt(to, 16) - first) / 4096
    return spawnSync('dd', [
      `if=${path}/mem`,
      'bs=4096',
      `skip=${first / 4096}`,
      `count=${pages}`,
      'status=none',
    ], { maxBuffer: 1 << 26 }).stdout
  })
  assert.ok(Buffer.concat(memory).length > 65536)
  assert.not(Buffer.concat(memory).includes(secret))
})

test('starts many commands at once', async () => {
  const all = Array.from(
    { length: 30 },
    (_, code) =>
      start(executorUnderTest, ['exec', 'web', 'sh', '-c', `sleep 0.2; exit ${code}`], w.env()),
  )
  const codes = await Promise.all(all.map(async ({ ended }) => (await ended).code))
  assert.equal(codes, all.map((_, code) => code))
})

test('leaves what does not fit to the long way', () => {
  const many = Array.from({ length: 1000 }, (_, index) => String(index))
  assert.is(w.run('exec', 'web', 'echo', ...many).stdout, `${many.join(' ')}\n`)
  const long = 'z'.repeat(40_000)
  assert.is(w.run('exec', 'web', 'echo', long).stdout, `${long}\n`)
  const nice = spawnSync('nice', ['-n', '7', executorUnderTest, 'exec', 'web', 'nice'], {
    encoding: 'utf8',
    env: w.env(),
  })
  assert.is(nice.stdout, '7\n')
  assert.is.not(parent('web'), '0')
})

for (const name of ['web', 'lazy'] as const) {
  test(`commands survive it, and tell how they ended (${name})`, async () => {
    const old = forkerOf(name)
    const child = start(executorUnderTest, [
      ...['exec', name, 'sh', '-c', 'trap "exit 43" TERM; echo up; while :; do sleep 0.05; done'],
    ], w.env())
    const other = start(executorUnderTest, [
      'exec',
      '-t',
      name,
      'sh',
      '-c',
      'echo up; sleep 1; exit 6',
    ], w.env())
    await until(
      'the commands',
      () => child.output().includes('up') && other.output().includes('up'),
    )
    process.kill(old, 'SIGKILL')
    await until('its end', () => !existsSync(`/proc/${old}`))
    assert.is(parent(name), '0')
    process.kill(child.pid, 'SIGTERM')
    assert.is((await child.ended).code, 43)
    assert.is((await other.ended).code, 6)
    await sleep(1100)
    await w.forker(name)
    assert.is.not(forkerOf(name), old)
  })
}

test('a stopped one delays a command, and never runs it a second time', async () => {
  const old = forkerOf('web')
  const before = counted()
  process.kill(old, 'SIGSTOP')
  const since = Date.now()
  assert.is(w.run(...counting).status, 0)
  assert.ok(Date.now() - since < 3000)
  assert.is(counted(), before + 1)
  // Another one takes its place.
  const replaced = Date.now()
  await w.forker('web')
  assert.ok(Date.now() - replaced < 3000)
  process.kill(old, 'SIGCONT')
  await until('its end', () => !existsSync(`/proc/${old}`))
  assert.is(counted(), before + 1)
})

test('does not run what its asker has not lived to see', async () => {
  const pid = forkerOf('web')
  const before = counted()
  process.kill(pid, 'SIGSTOP')
  const asker = spawn(executorUnderTest, counting, { env: w.env(), stdio: 'ignore' })
  await sleep(200)
  asker.kill('SIGKILL')
  await new Promise((resolve) => asker.on('exit', resolve))
  process.kill(pid, 'SIGCONT')
  assert.is(w.run(...counting).status, 0)
  assert.is(counted(), before + 1)
})

test('is made anew after a reboot', async () => {
  w.guest('again', ['reboot', join(w.root, 'boots')])
  writeFileSync(join(w.root, 'boots'), '1')
  appendFileSync(count, '')
  w.run('start', 'again')
  await until(
    'the last boot',
    () =>
      readFileSync(join(w.root, 'boots'), 'utf8') === '3' && w.state('again')?.state === 'running',
  )
  await w.forker('again')
  assert.is(w.run('exec', 'again', 'sh', '-c', 'exit 9').status, 9)
})

/** How many calls a process made, when killed before call N (0: never). */
function killat(args: readonly string[]): { code: number; killed: boolean; calls: number } {
  const ran = spawnSync(tool('killat'), [...args, '--', executorUnderTest, ...counting], {
    encoding: 'utf8',
    env: w.env(),
    timeout: 30_000,
  })
  const told = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '')
  const index = Number(args[args.indexOf('-p') + 1] ?? 0)
  return { code: told.code, killed: told.killed, calls: told.processes[index]?.calls ?? 0 }
}

test('an asker that is killed before any of its calls leaves all in order', async () => {
  await w.forker('web')
  const { calls, code } = killat([])
  assert.is(code, 0)
  assert.ok(calls > 15, `${calls} calls`)
  for (let call = 1; call <= calls; call++) {
    const before = counted()
    killat(['-p', '0', '-n', String(call)])
    await sleep(20)
    assert.ok(counted() <= before + 1, `call ${call}`)
  }
  const pid = forkerOf('web')
  assert.equal(readdirSync(`/proc/${pid}/fd`).toSorted(), ['0', '1', '2', '63'])
  assert.is.not(parent('web'), '0')
})

test.run()
