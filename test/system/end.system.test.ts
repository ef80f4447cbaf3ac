/**
 * How guests end: what their init is asked, and what brings them back.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeTree, product } from './product.ts'

const test = suite('the end of a guest', {
  needs: ['root', 'vserver', 'test-tools'],
  timeoutMs: 60_000,
})

const vserver = product()

interface Shown {
  readonly state: string
  readonly initPid: number | null
  readonly restarts: number
  readonly lastExit: { readonly code: number | null; readonly reason: string } | null
}

function status(name: string): Shown {
  const [shown] = JSON.parse(vserver.must('status', name, '--json')) as readonly Shown[]
  if (shown === undefined) throw new Error('status shows nothing')
  return shown
}

function create(name: string, init: string): void {
  const tree = makeTree(join(vserver.scratch, init), { 'sbin/init': init })
  vserver.must('create', name, '--from', `dir:${tree}`)
}

test('stop gives an init in sigtimedwait its time', async () => {
  create('waiter', 'waiter')
  vserver.must('start', 'waiter')
  const { initPid } = status('waiter')
  while (!readFileSync(`/proc/${initPid}/syscall`, 'utf8').startsWith('128 ')) await sleep(5)
  vserver.must('stop', 'waiter')
  assert.is(status('waiter').lastExit?.code, 7)
  assert.is(status('waiter').lastExit?.reason, 'stopped')
})

test('kill ends a guest that reboots over and over', async () => {
  create('rebooter', 'rebooter')
  vserver.must('start', 'rebooter')
  while (status('rebooter').restarts < 3) await sleep(10)
  assert.is(vserver.must('kill', 'rebooter'), 'rebooter killed\n')
  const { state, lastExit } = status('rebooter')
  assert.is(state, 'stopped')
  assert.ok(lastExit !== null)
})

test('a suspended client does not keep its guest from ending', async () => {
  const tree = makeTree(join(vserver.scratch, 'pause'), { 'sbin/init': 'pause', pause: 'pause' })
  vserver.must('create', 'idle', '--from', `dir:${tree}`)
  vserver.must('start', 'idle')
  const [file = '', ...words] = vserver.argv('exec', 'idle', '--', '/pause')
  const client = spawn(file, words, { stdio: 'ignore' })
  const children = `/proc/${client.pid}/task/${client.pid}/children`
  let command = ''
  while (command === '') {
    await sleep(10)
    command = readFileSync(children, 'utf8').trim()
  }
  client.kill('SIGSTOP')
  process.kill(Number(command), 'SIGKILL')
  const ended = once(client, 'exit')
  assert.is(vserver.must('stop', 'idle', '--timeout', '100ms'), 'idle stopped\n')
  assert.equal(await ended, [137, null])
})

test.after(() => vserver.dispose())
test.run()
