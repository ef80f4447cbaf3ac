/**
 * The session that the front door hands over: two pipes, and an executor at their other ends.
 *
 * @module
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { SessionLost } from '../../core/plan/failure.ts'
import { takeHandedSession } from '../../core/plan/handed_session.ts'
import { bytes } from '../../core/plan/program.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { executor, failure, plan, scratch } from './support.ts'

const test = suite('takeHandedSession()', { needs: ['executor'] })

/** What the front door does, with FIFOs for pipes. */
function hand(t: TestContext) {
  const directory = scratch(t)
  const [down, up] = [join(directory, 'down'), join(directory, 'up')]
  execFileSync('mkfifo', [down, up])
  const child = spawn('sh', ['-c', 'exec "$0" @batch <"$1" >"$2"', executor, down, up])
  const to = openSync(down, 'w')
  const from = openSync(up, 'r')
  process.env['VSERVER_SESSION'] = `${from},${to}`
  const session = takeHandedSession()
  assert.ok(session !== undefined)
  return { session, child, ended: once(child, 'exit') }
}

const missing = plan((main) => main.call('openat', [-100, '/proc/no-such-file', 0, 0]))

test('runs plans, tells what failed, and ends with close()', async (t) => {
  const { session, ended } = hand(t)
  assert.is(takeHandedSession(), undefined)
  const large = new Uint8Array(1 << 20).fill(7)
  const echo = plan((main) => main.emit('REPORT', [bytes(large), large.length]))
  assert.equal((await session.run(echo)).bytes, large)
  assert.is((await failure(session, missing)).errno, 2)
  assert.equal((await session.run(echo)).bytes, large)
  await session.close()
  assert.is((await ended)[0], 0)
  const error = await session.run(echo).catch((thrown: unknown) => thrown)
  assert.instance(error, SessionLost)
})

test('is lost when the executor dies', async (t) => {
  const { session, child, ended } = hand(t)
  await session.run(plan((main) => main.call('getpid', [])))
  child.kill('SIGKILL')
  await ended
  const error = await session.run(missing).catch((thrown: unknown) => thrown)
  assert.instance(error, SessionLost)
  await session.close()
})

test('is none where nothing was handed over', () => {
  process.env['VSERVER_SESSION'] = ''
  assert.is(takeHandedSession(), undefined)
})

test.run()
