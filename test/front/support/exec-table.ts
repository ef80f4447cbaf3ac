/**
 * What `exec` must do, whichever way the command gets into the guest: by the enter plan (long), or by
 * the guest's forker (short).
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from '../../support/suite.ts'
import { executorUnderTest, start, until, world } from './world.ts'

export function execTable(way: 'short' | 'long'): void {
  const test = suite(`native exec, ${way} way`, {
    needs: ['root', 'executor', 'gcc'],
    timeoutMs: 30_000,
  })
  const w = world({ forker: way === 'short' })
  test.before(() => {
    w.guest('web', ['term'])
    assert.is(w.run('start', 'web').status, 0)
    if (way === 'short') return w.forker('web')
  })
  test.after(() => w.destroy())

  test("gives the command's exit code", () => {
    for (const code of [0, 1, 9, 125, 255]) {
      assert.is(w.run('exec', 'web', '--', 'sh', '-c', `exit ${code}`).status, code)
    }
    assert.is(w.run('exec', 'web', 'sh', '-c', 'kill -9 $$').status, 137)
    assert.is(w.run('web', 'exec', 'sh', '-c', 'kill -15 $$').status, 143)
  })

  test('tells a command that is not there from one that cannot run', () => {
    const missing = w.run('exec', 'web', 'no-such')
    assert.equal([missing.status, missing.stderr], [
      127,
      'vserver: Cannot run "no-such" in guest "web": not found\n',
    ])
    const plain = join(w.root, 'plain')
    writeFileSync(plain, '', { mode: 0o600 })
    const denied = w.run('exec', 'web', plain)
    assert.equal([denied.status, denied.stderr], [
      126,
      `vserver: Cannot run "${plain}" in guest "web": permission denied\n`,
    ])
    const garbage = join(w.root, 'garbage')
    writeFileSync(garbage, '\u0001', { mode: 0o755 })
    assert.match(w.run('exec', 'web', garbage).stderr, 'in guest "web": ENOEXEC\n')
    const place = w.run('exec', '-w', '/no/such', 'web', 'true')
    assert.equal([place.status, place.stderr], [
      125,
      'vserver: Cannot change to the working directory: chdir failed with ENOENT\n',
    ])
  })

  test('options end at the name, the rest is verbatim', () => {
    assert.is(w.run('exec', 'web', 'echo', '--json', '-t', '--').stdout, '--json -t --\n')
    assert.is(w.run('exec', 'web', '--', 'echo', '--', '-e').stdout, '-- -e\n')
  })

  test("makes the environment from the guest's and -e", () => {
    const { stdout } = w.run('exec', '-e', 'A=1', '-e', 'HOME=/x', '-e', 'A=2', 'web', 'env')
    assert.equal(stdout.trim().split('\n').sort(), ['A=2', 'HOME=/x', 'PATH=/usr/bin:/bin'])
    assert.is(w.run('exec', '-w', '/usr', 'web', 'pwd').stdout, '/usr\n')
  })

  test("runs in the guest, with nothing of the caller's", () => {
    const probe = 'readlink /proc/self/ns/uts; grep SigBlk /proc/$$/status; ls -l /proc/self/fd'
    const words = ['exec', 'web', 'sh', '-c', `${probe}; true`]
    const result = spawnSync(
      'sh',
      ['-c', 'exec 7</etc/passwd; exec "$0" "$@"', executorUnderTest, ...words],
      { encoding: 'utf8', env: w.env() },
    )
    const init = w.state('web')?.init.pid ?? 0
    assert.is(result.stdout.split('\n')[0], readlinkSync(`/proc/${init}/ns/uts`))
    assert.is.not(result.stdout.split('\n')[0], readlinkSync('/proc/self/ns/uts'))
    assert.not.match(result.stdout, /passwd/)
  })

  test('passes signals on', async () => {
    for (const [signal, code] of [['SIGINT', 42], ['SIGUSR1', 43], ['SIGTERM', 44]] as const) {
      const name = signal.slice(3)
      const child = start(executorUnderTest, [
        'exec',
        'web',
        'sh',
        '-c',
        `trap "exit ${code}" ${name}; echo up; while :; do sleep 0.05; done`,
      ], w.env())
      await until('the command', () => child.output().includes('up'))
      process.kill(child.pid, signal)
      assert.is((await child.ended).code, code)
    }
  })

  test('carries 20 MB unchanged through pipes', () => {
    const input = Buffer.alloc(20 << 20, 'vserver\0\u00ff')
    const result = spawnSync(executorUnderTest, ['exec', 'web', 'cat'], {
      input,
      env: w.env(),
      maxBuffer: 1 << 26,
    })
    assert.is(result.status, 0)
    assert.ok(result.stdout.equals(input))
  })

  test('refuses a directory as a standard descriptor', () => {
    const dir = openSync('/', 'r')
    const result = spawnSync(executorUnderTest, ['exec', 'web', 'true'], {
      stdio: [dir, 'pipe', 'pipe'],
      encoding: 'utf8',
      env: w.env(),
    })
    closeSync(dir)
    assert.is(result.status, 125)
    assert.match(result.stderr, 'Cannot exec in "web": standard input is a directory')
  })

  test('fills closed descriptors', () => {
    const result = spawnSync('sh', [
      '-c',
      '"$0" exec web sh -c "echo to 2 >&2; ls /proc/self/fd" <&- >&- 2>/dev/null; echo $?',
      executorUnderTest,
    ], { encoding: 'utf8', env: w.env() })
    assert.is(result.stdout, '0\n')
  })

  test('enter needs a terminal', () => {
    const result = w.run('enter', 'web')
    assert.is(result.status, 125)
    assert.match(result.stderr, 'Cannot enter "web": standard input is not a terminal')
  })

  test('knows guests that are not there or do not run', () => {
    assert.is(w.run('exec', 'nobody', 'true').status, 4)
    w.guest('off', ['term'])
    assert.is(w.run('exec', 'off', 'true').status, 3)
  })

  test('never takes a later process for one of the record', () => {
    mkdirSync(w.runDir('fake'), { recursive: true })
    mkdirSync(w.guestDir('fake'), { recursive: true })
    const genuine = readFileSync(w.runDir('web', 'state'))
    // layout.state: boot at 16, supervisor_ino at 72, init_ino at 80
    for (const others of way === 'short' ? [[16, 80], [72, 80]] : [[80]]) {
      const record = Buffer.from(genuine)
      for (const at of others) record.writeUInt8(record.readUInt8(at) ^ 1, at)
      writeFileSync(w.runDir('fake', 'state'), record)
      const { status, stdout } = w.run('exec', 'fake', 'echo', 'ran')
      assert.is(stdout, '')
      if (way === 'long') assert.is(status, 3)
      rmSync(w.runDir('fake', 'state'), { force: true })
    }
    assert.is(w.state('web')?.state, 'running')
  })

  test('goes on to the executor of the build that started the guest, once', () => {
    mkdirSync(w.runDir('old'), { recursive: true })
    mkdirSync(w.guestDir('old'), { recursive: true })
    const record = readFileSync(w.runDir('web', 'state'))
    record.fill(0xab, 32, 64)
    writeFileSync(w.runDir('old', 'state'), record)
    const gone = w.run('exec', 'old', 'true')
    assert.is(gone.status, 125)
    assert.match(gone.stderr, 'the executor that started it is not there any more')
    const place = join(w.root, 'var/lib/vserver/runtime', 'ab'.repeat(32))
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'executor'), '#!/bin/sh\necho "hopped $VSERVER_HOPPED: $*"\n', {
      mode: 0o755,
    })
    assert.is(w.run('exec', 'old', 'true').stdout, 'hopped 1: exec old true\n')
    assert.is(w.run('stop', 'old').stdout, 'hopped 1: stop old\n')
    assert.is(w.runWith({ VSERVER_HOPPED: '1' }, 'exec', 'old', 'true').status, 125)
    rmSync(w.runDir('old', 'state'))
  })

  test.run()
}
