import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { frame, layout, refusal } from '../../core/plan/abi.ts'
import { encode } from '../../core/plan/encode.ts'
import { PlanRefused, SessionLost } from '../../core/plan/failure.ts'
import { offsetOf, size } from '../../core/plan/layout.ts'
import { bytes, fromSlot } from '../../core/plan/program.ts'
import { openSession } from '../../core/plan/session.ts'
import { readCorpus } from '../reject/corpus.ts'
import { suite } from '../support/suite.ts'
import { clone, executor, failure, plan, program, reported, scratch, session } from './support.ts'

const test = suite('openSession()', { needs: ['executor'] })

const readFile = (path: string) =>
  plan((main) => {
    const buffer = bytes(4096)
    const file = main.keep('openat', [-100, path, 0, 0])
    const length = main.keep('read', [file, buffer, 4096])
    main.emit('REPORT', [buffer, length])
    main.call('close', [file])
  })

const noop = plan((main) => main.call('getpid', []))

test('run() gives back slots and reported bytes', async (t) => {
  const opened = await session(t)
  const { slots, bytes: raw } = await opened.run(readFile('/proc/version'))
  const expected = readFileSync('/proc/version')
  assert.equal(new Uint8Array(raw), new Uint8Array(expected))
  assert.is(slots[17], BigInt(expected.length))
  assert.is(slots[0], 2n ** 64n - 1n)
})

test('run() rejects with what failed, and goes on', async (t) => {
  const opened = await session(t)
  const error = await failure(opened, readFile('/proc/no-such-file'))
  assert.is(error.message, 'Cannot do the work of MAIN: openat failed with ENOENT')
  assert.is(error.program, 'MAIN')
  assert.is(error.op, 0)
  assert.is(error.errno, 2)
  assert.is(error.step, 1)
  assert.match(await reported(opened, readFile('/proc/version')), /^Linux/)
})

test('run() keeps the order of plans that are queued', async (t) => {
  const opened = await session(t)
  const paths = ['/proc/version', '/proc/none', '/proc/uptime', '/proc/none', '/proc/loadavg']
  const all = await Promise.allSettled(paths.map((path) => opened.run(readFile(path))))
  assert.equal(all.map(({ status }) => status === 'fulfilled'), [true, false, true, false, true])
})

test('run() carries tens of megabytes there and back', async (t) => {
  const opened = await session(t)
  const content = new Uint8Array(24 << 20)
  new DataView(content.buffer).setUint32(content.length - 4, 0xfeedbeef)
  const large = plan((main) => {
    const cell = bytes(content)
    main.emit('REPORT', [cell, content.length])
    main.emit('REPORT', [cell, content.length])
  })
  const answers = await Promise.all([
    opened.run(large),
    opened.run(encode(noop)),
    opened.run(large),
  ])
  assert.equal(answers.map(({ bytes: raw }) => raw.length), [48 << 20, 0, 48 << 20])
  const view = new DataView(answers[2].bytes.buffer, answers[2].bytes.byteOffset)
  assert.is(view.getUint32((48 << 20) - 4), 0xfeedbeef)
})

test('slots and descriptors last from plan to plan, reported bytes do not', async (t) => {
  const opened = await session(t)
  const first = plan((main) => {
    main.call('openat', [-100, '/proc/version', 0, 0], { out: 20 })
    main.emit('REPORT', [bytes(3), 3])
  })
  await opened.run({ ...first, slotCount: 21 })
  const next = plan((main) => {
    const buffer = bytes(5)
    main.call('read', [fromSlot(20), buffer, 5], { whole: 2 })
    main.emit('REPORT', [buffer, 5])
  })
  const text = await reported(opened, { ...next, slotCount: 21 })
  assert.is(text, 'Linux')
})

test('run() rejects with the refusal, and goes on', async (t) => {
  const opened = await session(t)
  const bad = plan((main) => main.emit('OPEN', [16]))
  try {
    await opened.run(bad)
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof PlanRefused)) throw error
    assert.is(error.refusal, 'GATE')
    assert.is(error.op, 0)
  }
  const helperOnly = { programs: [{ role: 'HELPER', ops: [] }], slotCount: 16 } as const
  try {
    await opened.run(helperOnly)
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof PlanRefused)) throw error
    assert.is(error.refusal, 'PROGRAM_ROLE')
  }
  await opened.run(noop)
})

test('run() rejects when the executor dies, for all that wait and all that come', async (t) => {
  const opened = await session(t)
  const suicide = plan((main) => main.call('kill', [main.keep('getpid', []), 9]))
  const waiting = [opened.run(suicide), opened.run(noop)]
  for (const each of await Promise.allSettled(waiting)) {
    assert.is(each.status, 'rejected')
    assert.match(
      String(each.status === 'rejected' && each.reason),
      /executor was killed by SIGKILL/,
    )
  }
  const [late] = await Promise.allSettled([opened.run(noop)])
  assert.ok(late?.status === 'rejected' && late.reason instanceof SessionLost)
})

test('rejects when there is no executor', async () => {
  const [opened] = await Promise.allSettled([openSession('/no/such/executor')])
  assert.ok(opened?.status === 'rejected' && opened.reason instanceof SessionLost)
})

test('close() waits for the queued plans, and is final', async () => {
  const opened = await openSession(executor)
  const queued = opened.run(noop)
  await opened.close()
  await queued
  const [late] = await Promise.allSettled([opened.run(noop)])
  assert.ok(late?.status === 'rejected' && late.reason instanceof SessionLost)
  await opened.close()
})

test('a session ends with its block', async () => {
  await using opened = await openSession(executor)
  await opened.run(noop)
})

test('the executor sees its children although its caller ignored SIGCHLD', (t) => {
  const binary = encode(plan((main, builder) => {
    program(builder, 'HELPER').call('getpid', [])
    main.emit('REAP', [clone({ from: main, builder, into: 'HELPER' })])
  }))
  const argv = ['--ignore-signal=CHLD', executor, '@batch']
  const { stdout } = spawnSync('env', argv, { input: binary, cwd: scratch(t) })
  assert.is(stdout.readUInt32LE(offsetOf(layout.frame, 'kind')), frame.DONE)
})

test('the executor refuses every plan of the corpus before its first op', (t) => {
  const directory = scratch(t)
  for (const { file, code, op, bytes: bad } of readCorpus()) {
    // a pipe has no size: what comes behind a plan is the next plan
    if (file === 'SIZE-appended.reject' || bad.length === 0) continue
    const { stdout, status } = spawnSync(executor, ['@batch'], { input: bad, cwd: directory })
    const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.length)
    const word = (name: (typeof layout.frame)[number][0]) =>
      view.getUint32(offsetOf(layout.frame, name), true)
    assert.is(stdout.length, size.FRAME, file)
    assert.is(word('kind'), frame.REFUSED, file)
    assert.is(word('error'), Object.entries(refusal).find(([name]) => name === code)?.[1], file)
    assert.is(word('op'), op, file)
    assert.ok(status === 0 || status === 2, `${file}: ${status}`)
    assert.equal(readdirSync(directory), [], file)
  }
})

test.run()
