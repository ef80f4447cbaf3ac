/**
 * Terminals as in `ssh -t`, driven from outside. @limit 300 s
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeTree, product, runCommand } from './product.ts'
import { tool } from './tools.ts'

interface Report {
  readonly code: number
  readonly signal: number
  readonly restored: boolean
  readonly unread: number
  readonly failure: string
  readonly output: string
}

const HUNDRED_MB = 100_000_000
const it = product()
const name = 'tty'
const test = suite('a terminal in a guest', {
  needs: ['root', 'vserver', 'test-tools'],
  timeoutMs: 100_000,
})

test.before(() => {
  const tree = makeTree(join(it.scratch, 'tree'), {
    'sbin/init': 'init',
    'true-static': 'true',
    'pause-static': 'pause',
    'ttypeer': 'ttypeer',
  })
  it.must('create', name, '--from', `dir:${tree}`)
  it.must('start', name)
})

test.after(() => it.dispose())

function parseReport(text: string): Report {
  const line = text.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`ptydrive said ${text}`)
  return JSON.parse(line)
}

function exec(...command: readonly string[]): string[] {
  return it.argv('exec', name, '--', ...command)
}

function drive(command: readonly string[], actions: readonly string[], seconds = 20): Report {
  const args = actions.flatMap((action) => ['-a', action])
  const ran = runCommand([tool('ptydrive'), '-l', String(seconds), ...args, '--', ...command], {
    timeoutMs: (seconds + 5) * 1000,
  })
  return parseReport(ran.stdout + ran.stderr)
}

/** The terminal is as it was, with nothing typed into it, and the last action came to pass. */
function assertClean(report: Report): void {
  assert.is(report.failure, '', JSON.stringify(report))
  assert.is(report.restored, true, 'settings of the terminal are restored')
  assert.is(report.unread, 0, 'no input is left over')
}

test('has the size of the one outside, and follows it', () => {
  const actions = [
    'expect:size 24x80',
    'resize:40x100',
    'expect:size 40x100',
    'send:q\\r',
    'wait:50',
  ]
  const report = drive(exec('/ttypeer', 'size'), actions)
  assertClean(report)
  assert.is(report.code, 0)
})

test('turns ^C, ^\\ and ^Z into signals inside, and ^D into end of file', () => {
  const actions = [
    'expect:ready',
    'send:\\x03',
    'expect:SIGINT',
    'send:\\x1c',
    'expect:SIGQUIT',
    'send:\\x1a',
    'expect:SIGTSTP',
    'send:\\x04',
    'expect:eof',
  ]
  const report = drive(exec('/ttypeer', 'signals'), actions)
  assertClean(report)
  assert.is(report.code, 3)
})

test('passes 100 MB of any bytes in', () => {
  const command = exec('/ttypeer', 'sink', String(HUNDRED_MB), '7')
  const report = drive(command, ['expect:ready!', `feed:${HUNDRED_MB}:7`, 'expect:same'], 80)
  assertClean(report)
  assert.is(report.code, 0)
}, { timeoutMs: 100_000 })

test('passes 100 MB of any bytes out', () => {
  const command = exec('/ttypeer', 'source', String(HUNDRED_MB), '9')
  const report = drive(command, ['expect:ready!', `take:${HUNDRED_MB}:9`], 80)
  assertClean(report)
  assert.is(report.code, 0)
}, { timeoutMs: 100_000 })

test('passes 100 MB through pipes both ways, without a terminal', () => {
  const source = [tool('ttypeer'), 'source', String(HUNDRED_MB), '5']
  const sink = [tool('ttypeer'), 'sink', String(HUNDRED_MB), '5']
  const quote = (argv: readonly string[]) => argv.map((word) => `'${word}'`).join(' ')
  const inward = exec('/ttypeer', 'sink', String(HUNDRED_MB), '5')
  const outward = exec('/ttypeer', 'source', String(HUNDRED_MB), '5')
  for (const pipe of [[source, inward], [outward, sink]] as const) {
    const text = `${quote(pipe[0])} | { dd bs=1 count=6 status=none >'/dev/null'; ${
      quote(pipe[1])
    }; }`
    const ran = runCommand(['sh', '-c', text], { timeoutMs: 60_000 })
    assert.is(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /ready!same/)
  }
}, { timeoutMs: 100_000 })

test('restores the settings when the command dies of a signal', () => {
  for (const signal of [9, 15, 11]) {
    const report = drive(exec('/ttypeer', 'die', String(signal)), ['expect:ready!'])
    assertClean(report)
    assert.is(report.code, 128 + signal)
  }
})

test('restores the settings when the front door is told to end', () => {
  for (const signal of [15, 1]) {
    const report = drive(exec('/ttypeer', 'sink', '10', '1'), ['expect:ready!', `signal:${signal}`])
    assertClean(report)
    assert.ok(report.code > 0 || report.signal === signal, JSON.stringify(report))
  }
})

/** Starts a drive, does a deed while the command runs, and gives the report. */
async function whileDriven(command: readonly string[], deed: () => unknown): Promise<Report> {
  const child = spawn(tool('ptydrive'), ['-l', '20', '-a', 'expect:ready!', '--', ...command])
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = new Promise((resolve) => child.on('close', resolve))
  await sleep(500)
  deed()
  await ended
  return parseReport(text)
}

test('restores the settings when the guest is killed', async ({ cleanup }) => {
  cleanup(() => it.must('start', name))
  const report = await whileDriven(exec('/ttypeer', 'sink', '10', '1'), () => it.must('kill', name))
  assertClean(report)
  assert.is(report.code, 137)
})

test('restores the settings when the supervisor is killed', async ({ cleanup }) => {
  cleanup(() => {
    it.must('list')
    it.must('start', name)
  })
  const state = readFileSync(join(it.root, 'run/vserver/guests', name, 'state'))
  const report = await whileDriven(
    exec('/ttypeer', 'sink', '10', '1'),
    () => process.kill(state.readUInt32LE(64), 'SIGKILL'),
  )
  assertClean(report)
  assert.is(report.code, 137)
})

test('gives a command no terminal where it has none, and one where it is asked to', () => {
  const without = runCommand(it.argv('exec', name, '--', '/ttypeer', 'size'), { input: 'q' })
  assert.is(without.stdout, 'size 0x0\n')
  const refused = drive(it.argv('exec', '--no-tty', name, '--', '/true-static'), [])
  assertClean(refused)
  assert.is(refused.code, 0)
})

test('ends as the command ends', () => {
  assert.is(drive(exec('/true-static'), []).code, 0)
  assert.is(drive(exec('/no-such-command'), []).code, 127)
  const report = drive(exec('/etc/passwd'), [])
  assertClean(report)
  assert.is(report.code, 126)
})

test.run()
