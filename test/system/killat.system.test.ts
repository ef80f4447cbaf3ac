/**
 * Kills each process of a start and of a stop before its N-th system call, for every N, and then asks for
 * `vserver list`: the host must be as it was. The appliance makes thousands of calls, so a sample of
 * those is taken. @limit 700 s
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeTree, product, runCommand } from './product.ts'
import { assertSame, type Snapshot, snapshot } from './snapshot.ts'
import { tool } from './tools.ts'

/** More calls than this in one process, and only a sample of them is tried. */
const EVERY_CALL = 600
const SAMPLE = 24

interface Traced {
  readonly code: number
  readonly killed: boolean
  readonly call: number
  readonly processes: readonly { readonly calls: number; readonly command: string }[]
}

const it = product()
const test = suite('a process that is killed before its N-th system call', {
  needs: ['root', 'vserver', 'gcc'],
  timeoutMs: 300_000,
})

let before: Snapshot

test.before(() => {
  const quick = makeTree(join(it.scratch, 'quick'), { 'sbin/init': 'true' })
  const lasting = makeTree(join(it.scratch, 'lasting'), { 'sbin/init': 'init' })
  it.must('create', 'quick', '--from', `dir:${quick}`)
  it.must('create', 'lasting', '--from', `dir:${lasting}`, '--set', 'stopTimeout=2s')
  // The first start compiles the plans, the next ones replay them.
  it.must('start', '--wait=exit', 'quick')
  it.must('start', 'lasting')
  it.must('stop', 'lasting')
  before = snapshot(it.root)
})

test.after(() => it.dispose())

function killat(args: readonly string[], command: readonly string[]): Traced {
  const ran = runCommand([tool('killat'), ...args, '--', ...command], { timeoutMs: 20_000 })
  const line = ran.stdout.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`killat ${args.join(' ')}: exit ${ran.code} ${ran.stderr}${ran.stdout}`)
  return JSON.parse(line)
}

/** All numbers from 1 to `calls`, or a sample that holds the first and the last. */
function moments(calls: number): number[] {
  if (calls <= EVERY_CALL) return Array.from({ length: calls }, (_, index) => index + 1)
  const step = (calls - 1) / (SAMPLE - 1)
  return Array.from({ length: SAMPLE }, (_, index) => 1 + Math.round(index * step))
}

function supervisorPid(name: string): number {
  const bytes = readFileSync(join(it.root, 'run/vserver/guests', name, 'state'))
  // layout.state: magic, version, seq, state, boot (16), build (32), supervisor_pid
  return bytes.readUInt32LE(64)
}

/** What a person does next: looks, and stops what runs. Then nothing must be left. */
function settle(name: string, what: string): void {
  const listed = it.run(['list'])
  assert.is(listed.code, 0, `${what}: list: ${listed.stderr}`)
  const [{ state }] = JSON.parse(it.must('status', '--json', name))
  if (state === 'running' || state === 'starting' || state === 'stopping') it.must('stop', name)
  assertSame(before, snapshot(it.root), what)
}

function everyKill(
  name: string,
  options: { command: readonly string[]; prepare: () => readonly string[]; after?: () => void },
): { kills: number; processes: number } {
  const whole = killat(options.prepare(), options.command)
  assert.is(whole.code, 0, JSON.stringify(whole))
  settle(name, 'without a kill')
  let kills = 0
  whole.processes.forEach(({ calls, command }, index) => {
    for (const call of moments(calls)) {
      const args = [...options.prepare(), '-p', String(index), '-n', String(call)]
      const traced = killat(args, options.command)
      settle(name, `${command} (${index}), killed before call ${call} (number ${traced.call})`)
      if (traced.killed) kills++
    }
  })
  return { kills, processes: whole.processes.length }
}

test('start and teardown of a replayed plan leave nothing behind', () => {
  const command = it.argv('start', '--wait=exit', 'quick')
  const { kills, processes } = everyKill('quick', { command, prepare: () => [] })
  assert.ok(processes >= 3, `${processes} processes: front door, supervisor, init`)
  assert.ok(kills >= 100, `only ${kills} kills`)
  assert.is(it.run(['start', '--wait=exit', 'quick']).code, 0)
  settle('quick', 'after all of it')
})

test('stop leaves nothing behind', () => {
  const command = it.argv('stop', 'lasting')
  const prepare = () => {
    it.must('start', 'lasting')
    return ['-a', String(supervisorPid('lasting'))]
  }
  const { kills } = everyKill('lasting', { command, prepare })
  assert.ok(kills >= 30, `only ${kills} kills`)
  it.must('start', 'lasting')
  settle('lasting', 'after all of it')
})

test('a start that is compiled leaves nothing behind', () => {
  const command = it.argv('start', '--wait=exit', 'quick')
  const prepare = () => {
    // A change to the configuration makes the kept plan stale.
    it.run(['exec', 'quick', '--', 'true'])
    const file = it.guest('quick', 'guest.yaml')
    runCommand(['touch', file])
    return []
  }
  const { kills } = everyKill('quick', { command, prepare })
  assert.ok(kills >= 10, `only ${kills} kills`)
  assert.is(it.run(['start', '--wait=exit', 'quick']).code, 0)
  settle('quick', 'after all of it')
})

test.run()
