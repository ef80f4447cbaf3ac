import * as assert from 'uvu/assert'
import { chmodSync, existsSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from '../support/suite.ts'
import { executorUnderTest, start, until, world } from './support/world.ts'

const test = suite('native start', { needs: ['root', 'executor', 'gcc'], timeoutMs: 30_000 })

test('replays a kept plan, says so, and is content with a guest that runs', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  const first = w.run('start', 'web')
  assert.equal([first.status, first.stdout, first.stderr], [0, 'web started\n', ''])
  const second = w.run('start', 'web')
  assert.equal([second.status, second.stdout], [0, 'web is already running\n'])
  assert.is(w.state('web')?.state, 'running')
  assert.ok(existsSync(w.runDir('web', 'made')))
})

test('accepts globals before and after the verb, and the historical order', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  const env = { VSERVER_ROOT: '' }
  assert.is(w.runWith(env, '--root', w.root, 'start', '--quiet', 'web').stdout, '')
  assert.is(w.runWith(env, 'web', `--root=${w.root}`, 'stop').stdout, 'web stopped\n')
  const json = w.run('start', 'web', '--json').stdout
  assert.is(JSON.parse(json)[0].state, 'running')
})

test('prints an unknown guest as the appliance does', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  const plain = w.run('start', 'nobody')
  assert.is(plain.status, 4)
  assert.is(
    plain.stderr,
    'vserver: Cannot start "nobody": there is no such guest\n' +
      '  vserver list shows the guests; vserver create nobody --from SOURCE makes one\n',
  )
  const json = w.run('--json', 'start', 'nobody')
  assert.equal(JSON.parse(json.stderr), {
    error: {
      code: 'E_GUEST_UNKNOWN',
      message: 'Cannot start "nobody": there is no such guest',
      hint: 'vserver list shows the guests; vserver create nobody --from SOURCE makes one',
      details: null,
    },
  })
})

test('starts all guests, or several, without the appliance where their order does not matter', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  for (const name of ['c', 'a', 'b']) w.guest(name, ['term'])
  const several = w.run('start', 'c', 'a')
  assert.equal([several.status, several.stdout], [0, 'c started\na started\n'])
  const all = w.run('start', '--all')
  assert.equal(
    [all.status, all.stdout, all.stderr],
    [0, 'a is already running\nb started\nc is already running\n', ''],
  )
  const json = JSON.parse(w.run('--json', 'start', '--all').stdout)
  assert.equal(json.map(({ name }: { name: string }) => name), ['a', 'b', 'c'])
})

test('leaves several guests to the appliance, and starts none, where it may be otherwise', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('a', ['term'])
  w.guest('b', ['term'], { ordered: true })
  // The executor alone carries no appliance, and says so.
  const left = (...words: readonly string[]) => {
    assert.match(w.run('start', ...words).stderr, /carries none/, words.join(' '))
    assert.is(w.state('a'), undefined)
  }
  left('a', 'b')
  left('--all')
  left('a', 'a')
  left('a', 'nobody')
  w.guest('b', ['term'])
  writeFileSync(w.guestDir('b', 'guest.yaml'), 'from: elsewhere\n')
  left('a', 'b')
  left('--all')
})

test('starts several names at once and prints in their order', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const name of names) w.guest(name, ['term'], { delayMs: name === 'a' ? 200 : 0 })
  const result = w.runNative('start', ...names, 'nobody')
  assert.is(result.status, 4)
  assert.is(result.stdout, names.map((name) => `${name} started\n`).join(''))
  assert.is(w.runNative('stop', ...names).status, 0)
})

const changes: Readonly<Record<string, (w: ReturnType<typeof world>) => void>> = {
  'content of an input': (w) => writeFileSync(w.guestDir('web', 'guest.yaml'), 'from: elsewhere\n'),
  'mtime of an input': (w) => utimesSync(w.guestDir('web', 'guest.yaml'), 1, 1),
  'mode of an input': (w) => chmodSync(w.guestDir('web', 'guest.yaml'), 0o640),
  'inode of an input': (w) => {
    rmSync(w.guestDir('web', 'guest.yaml'))
    writeFileSync(w.guestDir('web', 'guest.yaml'), 'from: nothing\n')
  },
  'an input that became a link': (w) => {
    rmSync(w.guestDir('web', 'guest.yaml'))
    symlinkSync('/etc/hostname', w.guestDir('web', 'guest.yaml'))
  },
  'an input that appeared': (w) => writeFileSync(join(w.root, 'absent'), ''),
  'an input that went away': (w) => rmSync(w.guestDir('web', 'guest.yaml')),
  'a kept plan that others may write': (w) => chmodSync(w.runDir('web', 'start.kept'), 0o666),
  'a damaged kept plan': (w) => writeFileSync(w.runDir('web', 'start.kept'), 'VSKF'),
  'no kept plan': (w) => rmSync(w.runDir('web', 'start.kept')),
}
for (const [what, change] of Object.entries(changes)) {
  test(`leaves it to the appliance: ${what}`, ({ cleanup }) => {
    const w = world()
    cleanup(w.destroy)
    w.guest('web', ['term'])
    change(w)
    const result = w.runNative('start', 'web')
    assert.is(result.status, 1)
    assert.match(result.stderr, 'its kept plan is not valid')
    assert.is(w.state('web'), undefined)
  })
}

test('does not mind what changes in a directory of which only the identity counts', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  writeFileSync(w.guestDir('web', 'new'), '')
  assert.is(w.run('start', 'web').stdout, 'web started\n')
})

test('tears down what failed, and reports it when it was compiled just now', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'], { failing: true })
  const result = w.runNative('start', 'web')
  assert.is(result.status, 1)
  assert.is(result.stderr, 'vserver: Cannot do what cannot be done: chdir failed with ENOENT\n')
  assert.not(existsSync(w.runDir('web', 'made')))
  assert.not(existsSync(w.runDir('web', 'state')))
  assert.is(w.exit('web')?.reason, 'failed')
})

test('reports an init that cannot be run', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  chmodSync(w.tool('init'), 0o600)
  cleanup(() => chmodSync(w.tool('init'), 0o755))
  const result = w.runNative('start', 'web')
  assert.match(result.stderr, /^vserver: Cannot run ".*init-\d+": exec failed with EACCES\n$/)
})

test('waits for readiness', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['ready'], { notifies: true })
  w.guest('mute', ['term'], { notifies: true })
  w.guest('simple', ['term'])
  w.guest('short', ['exit', '3'], { notifies: true })
  assert.is(w.run('start', 'web', '--wait').stdout, 'web started\n')
  assert.is(w.state('web')?.ready, true)
  const late = w.run('start', '--wait=300ms', 'mute')
  assert.is(late.status, 1)
  assert.match(late.stderr, 'Cannot start "mute": it was not ready after 300 ms')
  assert.is(w.state('mute')?.state, 'running')
  assert.is(w.run('start', '--wait', 'simple').status, 0)
  const short = w.run('start', '--wait', 'short')
  assert.is(short.status, 1)
  assert.match(short.stderr, 'its init ended before it was ready (exit code 3)')
})

test("waits for the end and gives init's status", ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('three', ['exit', '3'])
  w.guest('crash', ['crash'])
  w.guest('off', ['poweroff'])
  assert.equal(w.run('start', 'three', '--wait=exit').status, 3)
  assert.equal(w.run('start', 'crash', '--wait=exit').status, 128 + 4)
  assert.equal(w.run('start', 'off', '--wait=exit').status, 0)
  assert.equal([w.exit('three')?.reason, w.exit('three')?.code], ['exited', 3])
  assert.equal([w.exit('crash')?.reason, w.exit('crash')?.signal], ['killed', 4])
  assert.equal([w.exit('off')?.reason, w.exit('off')?.code], ['poweroff', 0])
})

test('an interrupted start leaves nothing', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'], { delayMs: 400 })
  const child = start(executorUnderTest, ['start', 'web'], w.env())
  await until('the supervisor', () => w.state('web') !== undefined)
  process.kill(child.pid, 'SIGINT')
  assert.equal(await child.ended, { code: 130, signal: null })
  assert.match(child.output(), 'Cannot start "web": interrupted')
  assert.not(existsSync(w.runDir('web', 'made')))
  assert.not(existsSync(w.runDir('web', 'state')))
})

test('can be interrupted while it waits for the lock', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'], { delayMs: 800 })
  const first = start(executorUnderTest, ['start', 'web'], w.env())
  await until('the supervisor', () => w.state('web') !== undefined)
  const before = Date.now()
  const second = start(executorUnderTest, ['stop', 'web'], w.env())
  await new Promise((resolve) => setTimeout(resolve, 200))
  process.kill(second.pid, 'SIGINT')
  assert.is((await second.ended).code, 130)
  assert.ok(Date.now() - before < 600)
  assert.is((await first.ended).code, 0)
})

test('names who holds the lock', async ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'], { delayMs: 500 })
  const first = start(executorUnderTest, ['start', 'web'], w.env())
  await until('the supervisor', () => w.state('web') !== undefined)
  const busy = w.run('stop', '--lock-timeout', '0', 'web')
  assert.is(busy.status, 5)
  assert.is(
    busy.stderr,
    `vserver: Cannot stop "web": it is locked by pid ${first.pid} (vserver start)\n` +
      '  try again when that command is done, or wait longer with --lock-timeout\n',
  )
  assert.is((await first.ended).code, 0)
  assert.is(w.run('stop', 'web').stdout, 'web stopped\n')
})

test.run()
