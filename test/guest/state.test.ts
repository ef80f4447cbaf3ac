import * as assert from 'uvu/assert'
import { layout, magic, PLAN_VERSION, state } from '../../core/plan/abi.ts'
import { writeFields } from '../../core/guest/layout.ts'
import { decodeState, stateBytes } from '../../core/guest/state.ts'
import { encodeExit, parseExit } from '../../core/guest/exit.ts'
import { VServerError } from '../../core/errors.ts'
import { suite } from '../support/suite.ts'

const values = {
  magic: magic.STATE,
  version: PLAN_VERSION,
  seq: 4,
  state: state.RUNNING,
  boot: new Uint8Array(16).fill(0xab),
  build: new Uint8Array(32).fill(0xcd),
  supervisor_pid: 10,
  init_pid: 11,
  supervisor_ino: 2n ** 40n,
  init_ino: 0n,
  supervisor_start: 99n,
  init_start: 2n ** 63n,
  started_at_ns: 1_795_445_912_846_920_765n,
  started_boot_ns: 5n,
  restarts: 3,
  ready: 1,
  devpts_fd: 0,
  forker_fd: 0,
  reserved: 0,
  seq_end: 4,
}

function record(changes: Partial<Record<keyof typeof values, number>> = {}): Uint8Array {
  const bytes = new Uint8Array(stateBytes)
  writeFields(layout.state, { bytes, offset: 0 }, { ...values, ...changes })
  return bytes
}

const test = suite('decodeState()')

test('reads every field', () => {
  assert.equal(decodeState(record()), {
    state: 'running',
    boot: 'ab'.repeat(16),
    build: 'cd'.repeat(32),
    supervisor: { pid: 10, ino: 2n ** 40n, start: 99n },
    init: { pid: 11, ino: 0n, start: 2n ** 63n },
    startedAtNs: 1_795_445_912_846_920_765n,
    startedBootNs: 5n,
    restarts: 3,
    ready: true,
  })
})

test('knows the three states', () => {
  assert.is(decodeState(record({ state: state.STARTING }))?.state, 'starting')
  assert.is(decodeState(record({ state: state.STOPPING }))?.state, 'stopping')
})

test('refuses what is no whole record', () => {
  assert.is(decodeState(record({ seq_end: 3 })), undefined, 'read while it was written')
  assert.is(decodeState(record({ version: 2 })), undefined, 'another version')
  assert.is(decodeState(record({ magic: 1 })), undefined, 'another file')
  assert.is(decodeState(record({ state: 9 })), undefined, 'another state')
  assert.is(decodeState(record().subarray(1)), undefined, 'too short')
  assert.is(decodeState(new Uint8Array(0)), undefined, 'empty')
})

test('parseExit() reads what encodeExit() writes', () => {
  const exit = { code: 0, signal: null, at: '2026-11-23T14:00:00.000Z', reason: 'exited' } as const
  assert.is(
    encodeExit(exit),
    '{"code":0,"signal":null,"at":"2026-11-23T14:00:00.000Z","reason":"exited"}',
  )
  assert.equal(parseExit(encodeExit(exit)), exit)
})

for (
  const text of [
    '',
    '[]',
    '{}',
    'null',
    '{"code":"0"}',
    '{"code":0,"signal":null,"at":"","reason":"x"}',
  ]
) {
  test(`parseExit() refuses ${text}`, () => {
    assert.throws(
      () => parseExit(text),
      (error: unknown) => error instanceof VServerError && error.code === 'E_FORMAT',
    )
  })
}

test.run()
