import * as assert from 'uvu/assert'
import { layout } from '../../core/plan/abi.ts'
import { planBuilder } from '../../core/plan/builder.ts'
import { decode } from '../../core/plan/decode.ts'
import { encode } from '../../core/plan/encode.ts'
import { offsetOf, sizeOf } from '../../core/plan/layout.ts'
import { VServerError } from '../../core/errors.ts'
import { decodeKept, encodeKept, type Kept, presence } from '../../core/guest/kept.ts'
import { suite } from '../support/suite.ts'

const absent = { dev: 0n, ino: 0n, size: 0n, mtimeNs: 0n, ctimeNs: 0n }

function sample(text: readonly string[] = ['web', 'A=B', '', '/bin/login', '']): Kept {
  const builder = planBuilder()
  const p = builder.program('HOST')
  p.step(0, 'get the pid')
  p.call('getpid', [])
  return {
    plan: encode(builder.build()),
    inputs: [
      { path: '/nope', present: presence.ABSENT, ...absent },
      {
        path: '/etc/é',
        present: presence.EXACT,
        dev: 0xfffff00100000fffn,
        ino: 2n ** 63n,
        size: 5n,
        mtimeNs: -1n,
        ctimeNs: 1_700_000_000_123_456_789n,
      },
      { path: '/srv', present: presence.SAME, ...absent, ino: 7n },
    ],
    text,
    stopSignal: 37,
    stopTimeoutMs: 30_000,
    notifies: true,
    ordered: false,
    boot: Uint8Array.from({ length: 16 }, (_, i) => i),
    build: Uint8Array.from({ length: 32 }, (_, i) => 255 - i),
  }
}

const test = suite('encodeKept()')

test('round-trips', () => {
  const kept = sample()
  const { plan, ...rest } = decodeKept(encodeKept(kept))
  const { plan: before, ...expected } = kept
  assert.equal(rest, expected)
  // The plan may have grown by padding; it is still the same plan.
  assert.equal(decode(plan), decode(before))
})

test('aligns what follows the plan', () => {
  for (let length = 0; length < 8; length++) {
    const builder = planBuilder()
    const p = builder.program('HOST')
    p.step(0, 'x'.repeat(length + 1))
    p.call('getpid', [])
    const file = encodeKept({ ...sample(), plan: encode(builder.build()) })
    const at = offsetOf(layout.kept, 'text_offset')
    assert.is(new DataView(file.buffer).getUint32(at, true) % 8, 0)
    assert.is(decodeKept(file).plan.length % 8, 0)
  }
})

test('keeps a card without inputs', () => {
  const kept = { ...sample(['a', '', 'b']), inputs: [] }
  assert.equal(decodeKept(encodeKept(kept)).text, ['a', '', 'b'])
})

test('refuses NUL in texts', () => {
  assert.throws(() => encodeKept(sample(['a\0b'])), (error: unknown) => error instanceof RangeError)
})

test('decodeKept() refuses every truncation', () => {
  const file = encodeKept(sample())
  for (let length = 0; length < file.length; length++) {
    try {
      decodeKept(file.subarray(0, length))
      assert.unreachable(`accepted ${length} bytes`)
    } catch (error) {
      if (!(error instanceof VServerError)) throw error
      assert.is(error.code, 'E_PLAN')
    }
  }
})

test('decodeKept() survives every damaged header byte', () => {
  const file = encodeKept(sample())
  for (let at = 0; at < sizeOf(layout.kept); at++) {
    for (const value of [0x00, 0x01, 0x7f, 0xff]) {
      const damaged = file.slice()
      damaged[at] = value
      try {
        decodeKept(damaged)
      } catch (error) {
        if (!(error instanceof VServerError)) throw error
        assert.is(error.code, 'E_PLAN')
      }
    }
  }
})

test.run()
