/**
 * The unpacked runtime: made once, checked every time, replaced when it is wrong, and a clear message
 * where it cannot be made.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { vserverPath } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { builds, type Ran, runFile, runPrivately, scratch } from './run-file.ts'

const test = suite('the unpacked runtime', { needs: ['root', 'vserver'], timeoutMs: 60_000 })

function mustWork(ran: Ran): void {
  assert.is(ran.stderr, '')
  assert.is(ran.code, 0)
}

function mustFail(ran: Ran, pattern: RegExp): void {
  assert.match(ran.stderr, pattern)
  assert.is(ran.code, 1)
  assert.is(ran.stdout, '')
}

/** Runs the file once; gives the directory of its build (made-up builds have one digit only). */
function unpacked(root: string): string {
  mustWork(runFile(['--quiet', '--version'], { root }))
  const build = builds(root).find((name) => !/^(.)\1*$/.test(name))
  assert.ok(build !== undefined)
  return join(root, 'var/lib/vserver/runtime', build)
}

test('is private, and its files are read-only', ({ cleanup }) => {
  const root = scratch(cleanup)
  const directory = unpacked(root)
  const mode = (path: string) => statSync(path).mode & 0o7777
  assert.is(mode(join(root, 'var/lib/vserver')), 0o700)
  assert.is(mode(directory), 0o700)
  assert.is(mode(join(directory, 'node')), 0o500)
  assert.is(mode(join(directory, 'executor')), 0o500)
  assert.is(mode(join(directory, 'libc.so.6')), 0o400)
  const copy = readFileSync(join(directory, 'executor'))
  assert.ok(copy.equals(readFileSync(vserverPath).subarray(0, copy.length)))
})

test('is made once by many first runs at the same time', async ({ cleanup }) => {
  const root = scratch(cleanup)
  const codes = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const env = { VSERVER_ROOT: root, PATH: '/usr/bin:/bin' }
      const child = spawn(vserverPath, ['--quiet', '--version'], { env, stdio: 'ignore' })
      const [code] = await once(child, 'exit')
      return code
    }),
  )
  assert.equal(codes, [0, 0, 0, 0, 0, 0])
  assert.is(builds(root).length, 1)
})

test('is made anew when a file of it changed', ({ cleanup }) => {
  const root = scratch(cleanup)
  const directory = unpacked(root)
  const path = (name: string) => join(directory, name)
  const damages: Readonly<Record<string, () => void>> = {
    'a longer file': () => appendFileSync(path('libm.so.6'), 'x'),
    'a shorter file': () => truncateSync(path('node'), 1000),
    'another time': () => utimesSync(path('node'), 1, 1),
    'another mode': () => chmodSync(path('libc.so.6'), 0o644),
    'a missing file': () => rmSync(path('libdl.so.2')),
    'a missing manifest': () => rmSync(path('manifest')),
    'a damaged manifest': () => truncateSync(path('manifest'), 100),
    'an open directory': () => chmodSync(directory, 0o777),
  }
  for (const [name, damage] of Object.entries(damages)) {
    damage()
    const ran = runFile(['--quiet', '--version'], { root })
    assert.is(ran.code, 0, `${name}: ${ran.stderr}`)
    assert.is(statSync(path('node')).mode & 0o7777, 0o500, name)
    assert.is(builds(root).length, 1, name)
    const inode = statSync(path('manifest')).ino
    mustWork(runFile(['--quiet', '--version'], { root }))
    assert.is(statSync(path('manifest')).ino, inode, `${name}: unpacked twice`)
  }
})

test('is not made from a damaged file', ({ cleanup }) => {
  const root = scratch(cleanup)
  const file = join(root, 'vserver')
  copyFileSync(vserverPath, file)
  const { size } = statSync(file)
  const target = openSync(file, 'r+')
  writeSync(target, Buffer.from('damage'), 0, 6, size >> 1)
  closeSync(target)
  mustFail(
    runFile(['--quiet', '--version'], { root, file: reopened(file) }),
    /: the vserver file is damaged: its SHA-256 is wrong\n {2}copy the file again/,
  )
  assert.equal(builds(root), [])
  const json = runFile(['--quiet', '--version', '--json'], { root, file: reopened(file) })
  assert.is(JSON.parse(json.stderr).error.code, 'E_DAMAGED')
  const [fresh, other] = [openSync(vserverPath, 'r'), openSync(file, 'r+')]
  cleanup(() => closeSync(fresh))
  cleanup(() => closeSync(other))
  const trailer = Buffer.alloc(128)
  readSync(fresh, trailer, 0, 128, size - 128)
  trailer[64] = (trailer[64] ?? 0) ^ 1
  writeSync(other, trailer, 0, 128, size - 128)
  mustFail(
    runFile(['--quiet', '--version'], { root, file: reopened(file) }),
    /carries none, or is cut off/,
  )
  truncateSync(file, size - 1)
  mustFail(
    runFile(['--quiet', '--version'], { root, file: reopened(file) }),
    /carries none, or is cut off/,
  )
})

/** A copy that nobody has open for writing (ETXTBSY). */
function reopened(file: string): string {
  const copy = `${file}.run`
  rmSync(copy, { force: true })
  copyFileSync(file, copy)
  return copy
}

const mounts: Readonly<Record<string, readonly [options: string, code: string, says: RegExp]>> = {
  'read-only': ['ro', 'E_STATE_DIR', /the file system is read-only .*\n {2}remount it read-write/],
  'noexec': ['noexec', 'E_STATE_DIR', /is mounted noexec.*\n {2}remount it with exec/],
  'full': ['size=30m', 'E_DISK_FULL', /the file system is full .*ENOSPC.*\n {2}free 130 MiB/],
}

for (const [name, [options, code, says]] of Object.entries(mounts)) {
  test(`says that the state directory is ${name}, and leaves nothing`, ({ cleanup }) => {
    const root = scratch(cleanup)
    const script = `mount -t tmpfs -o ${options} none "$VSERVER_ROOT"
      "$FILE" --quiet --version && exit 9
      "$FILE" --json --version && exit 9
      find "$VSERVER_ROOT" -type f -size +0
      exit 1`
    const ran = runPrivately(script, { VSERVER_ROOT: root })
    mustFail(ran, says)
    const json = ran.stderr.trimEnd().split('\n').at(-1) ?? ''
    assert.is(JSON.parse(json).error.code, code)
  })
}

test('says that the state directory was remounted noexec', ({ cleanup }) => {
  const root = scratch(cleanup)
  const script = `mount -t tmpfs none "$VSERVER_ROOT"
    "$FILE" --quiet --version >/dev/null
    mount -o remount,noexec "$VSERVER_ROOT"
    exec "$FILE" --quiet --version`
  mustFail(runPrivately(script, { VSERVER_ROOT: root }), /is mounted noexec/)
})

test('is used from a file system that has become read-only', ({ cleanup }) => {
  const root = scratch(cleanup)
  const script = `mount -t tmpfs none "$VSERVER_ROOT"
    "$FILE" --quiet --version >/dev/null
    mount -o remount,ro "$VSERVER_ROOT"
    exec "$FILE" --quiet --version`
  mustWork(runPrivately(script, { VSERVER_ROOT: root }))
})

test('is not made or used where others may write', ({ cleanup }) => {
  const root = scratch(cleanup)
  const state = join(root, 'var/lib/vserver')
  unpacked(root)
  chmodSync(state, 0o777)
  mustFail(
    runFile(['--quiet', '--version'], { root }),
    /must be writable by its owner only, not mode 0777\n {2}.*chmod 0700/,
  )
  chmodSync(state, 0o700)
  mustWork(runFile(['--quiet', '--version'], { root }))
  spawnSync('chown', ['65534', state])
  mustFail(
    runFile(['--quiet', '--version'], { root }),
    /must belong to uid 0, not to 65534\n {2}chown 0/,
  )
})

test('lies below the root directory, however that is given', ({ cleanup }) => {
  for (const words of [['--root', './R/'], ['--root=R'], ['--json', '--root', '/$CWD/R']]) {
    const cwd = scratch(cleanup)
    mkdirSync(join(cwd, 'R'))
    const args = words.map((word) => word.replace('$CWD', cwd.slice(1)))
    mustWork(runFile([...args, '--version'], { cwd }))
    assert.is(builds(join(cwd, 'R')).length, 1)
  }
})

test('says that the root directory is missing or no directory', ({ cleanup }) => {
  const root = scratch(cleanup)
  mustFail(runFile(['--quiet', '--version'], { root: join(root, 'gone') }), /there is no directory/)
  writeFileSync(join(root, 'file'), '')
  mustFail(runFile(['--quiet', '--version'], { root: join(root, 'file') }), /ENOTDIR/)
  assert.not.ok(existsSync(join(root, 'gone')))
})

test('of another build goes when nothing uses it, with what the dead left', async ({ cleanup }) => {
  const root = scratch(cleanup)
  const place = join(root, 'var/lib/vserver/runtime')
  const used = join(place, 'a'.repeat(64))
  const unused = join(place, 'b'.repeat(64))
  for (const directory of [used, unused, join(place, '.new-dead')]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    copyFileSync('/bin/sleep', join(directory, 'executor'))
  }
  chmodSync(join(root, 'var/lib/vserver'), 0o700)
  const user = spawn(join(used, 'executor'), ['100'], { stdio: 'ignore' })
  cleanup(() => user.kill('SIGKILL'))
  await once(user, 'spawn')
  const directory = unpacked(root)
  assert.equal(builds(root).filter((name) => !directory.endsWith(name)), ['a'.repeat(64)])

  user.kill('SIGKILL')
  await once(user, 'exit')
  rmSync(join(directory, 'manifest'))
  unpacked(root)
  assert.is(builds(root).length, 1)
})

test('interrupted while it is made leaves nothing', async ({ cleanup }) => {
  const root = scratch(cleanup)
  for (const delayMs of [20, 80, 150, 250]) {
    const env = { VSERVER_ROOT: root, PATH: '/usr/bin:/bin' }
    const child = spawn(vserverPath, ['--quiet', '--version'], {
      env,
      stdio: 'ignore',
      detached: true,
    })
    const ended = once(child, 'exit')
    await sleep(delayMs)
    assert.ok(child.pid !== undefined)
    if (child.exitCode === null) process.kill(-child.pid, 'SIGINT')
    await ended
    assert.not.ok(builds(root).some((name) => name.startsWith('.new-')), `after ${delayMs} ms`)
    rmSync(join(root, 'var'), { recursive: true, force: true })
  }
})

test.run()
