import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { type Lock, type LockRequest, readHolder, takeLock } from '../../core/host/lock.ts'
import { openSession, type Session } from '../../core/plan/session.ts'
import { executorPath } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const test = suite('takeLock()')
const base = mkdtempSync(join(tmpdir(), 'vserver-lock-'))
test.after(() => rmSync(base, { recursive: true }))
let count = 0

function newPath(): string {
  const directory = join(base, String(count++))
  mkdirSync(directory)
  return join(directory, 'lock')
}

async function take(session: Session, path: string, request: LockRequest): Promise<Lock> {
  const got = await takeLock(session, path, request)
  if ('holder' in got) throw new Error(`held by ${got.holder.pid}`)
  return got.lock
}

const now = { verb: 'start', timeoutMs: 0 }

test('writes who holds it', async () => {
  await using session = await openSession(executorPath)
  const path = newPath()
  await take(session, path, { ...now, verb: 'a-longer-verb' })
  assert.is(readFileSync(path, 'utf8'), `${process.pid} a-longer-verb\n`)
  assert.equal(readHolder(path), { pid: process.pid, verb: 'a-longer-verb' })
})

test('names the holder when the time is over', async () => {
  await using first = await openSession(executorPath)
  await using second = await openSession(executorPath)
  const path = newPath()
  await take(first, path, { ...now, verb: 'stop' })
  const began = performance.now()
  const got = await takeLock(second, path, { verb: 'start', timeoutMs: 60 })
  assert.equal(got, { holder: { pid: process.pid, verb: 'stop' } })
  assert.ok(performance.now() - began >= 60)
  assert.equal(readHolder(path).verb, 'stop', "the file is still the holder's")
})

test('waits for the release, and says once that it waits', async () => {
  await using first = await openSession(executorPath)
  await using second = await openSession(executorPath)
  const path = newPath()
  const lock = await take(first, path, now)
  let waits = 0
  const waiting = take(second, path, { verb: 'stop', timeoutMs: 5000, onWait: () => waits++ })
  setTimeout(() => void lock.release(), 50)
  await waiting
  assert.is(waits, 1)
  assert.is(readHolder(path).verb, 'stop')
})

test('is free when the session of its holder ends', async () => {
  await using second = await openSession(executorPath)
  const path = newPath()
  const first = await openSession(executorPath)
  await take(first, path, now)
  await first.close()
  await take(second, path, now)
})

test('takes the new file when the old one was removed while waiting', async () => {
  await using first = await openSession(executorPath)
  await using second = await openSession(executorPath)
  await using third = await openSession(executorPath)
  const path = newPath()
  const lock = await take(first, path, now)
  rmSync(path)
  await take(second, path, now)
  await lock.release()
  const got = await takeLock(third, path, now)
  assert.ok('holder' in got, 'the second holds the file that has the name')
})

test('gives up when it is aborted', async () => {
  await using first = await openSession(executorPath)
  await using second = await openSession(executorPath)
  const path = newPath()
  await take(first, path, now)
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 30)
  let thrown: unknown
  try {
    await takeLock(second, path, { verb: 'x', timeoutMs: Infinity, signal: stop.signal })
  } catch (error) {
    thrown = error
  }
  assert.is(thrown instanceof Error && thrown.name, 'AbortError')
})

test('keeps nothing open when it does not get the lock', async () => {
  await using first = await openSession(executorPath)
  await using second = await openSession(executorPath)
  const path = newPath()
  const lock = await take(first, path, now)
  for (let i = 0; i < 200; i++) await takeLock(second, path, now)
  await lock.release()
  const again = await take(second, path, now)
  await again.release()
  await take(first, path, now)
})

test.run()
