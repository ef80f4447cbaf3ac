import * as assert from 'uvu/assert'
import { planBuilder } from '../../core/plan/builder.ts'
import { PlanInvalid } from '../../core/plan/check.ts'
import { decode } from '../../core/plan/decode.ts'
import { encode } from '../../core/plan/encode.ts'
import { bytes, part } from '../../core/plan/program.ts'
import { suite } from '../support/suite.ts'
import { samplePlan } from './sample.ts'

const test = suite('decode()')

test('gives back a plan that encodes to the same bytes', () => {
  const binary = encode(samplePlan())
  assert.equal(encode(decode(binary)), binary)
})

test('keeps codes, words, slots, errors and steps', () => {
  const summary = (plan: ReturnType<typeof samplePlan>) =>
    plan.programs.map(({ role, ops }) => ({
      role,
      ops: ops.map(({ code, nr, out, whole, ignore, phrase, call, step }) => ({
        code,
        nr,
        out,
        whole,
        ignore,
        phrase,
        call,
        step,
      })),
    }))
  assert.equal(summary(decode(encode(samplePlan()))), summary(samplePlan()))
})

test('keeps cells whose parts are used in another order than they lie', () => {
  const builder = planBuilder()
  const main = builder.program('MAIN')
  const early = bytes(32)
  const late = bytes(32)
  main.step(0, 'try')
  main.call('read', [0, part(early, { offset: 24, length: 8 }), 8])
  main.call('read', [0, part(late, { offset: 16, length: 0 }), 0])
  main.call('read', [0, part(early, { offset: 0, length: 8 }), 8])
  main.call('read', [0, late, 32])
  const binary = encode(builder.build())
  assert.equal(encode(decode(binary)), binary)
})

test('takes a plan without ops', () => {
  const binary = encode({ programs: [{ role: 'MAIN', ops: [] }], slotCount: 16 })
  assert.equal(decode(binary), { programs: [{ role: 'MAIN', ops: [] }], slotCount: 16 })
})

test('refuses a plan with data that no op uses', () => {
  const binary = encode({ programs: [{ role: 'MAIN', ops: [] }], slotCount: 16 })
  const longer = new Uint8Array([...binary, 1])
  const view = new DataView(longer.buffer)
  view.setUint32(8, longer.length, true)
  view.setUint32(20, 1, true)
  assert.throws(() => decode(longer), /does not lie/)
})

test('survives any single changed byte', () => {
  const binary = encode(samplePlan())
  let refused = 0
  for (let at = 0; at < binary.length; at++) {
    for (const mask of [1, 0x80, 0xff]) {
      const changed = binary.slice()
      changed[at] = (changed[at] ?? 0) ^ mask
      try {
        assert.equal(encode(decode(changed)), changed)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        refused++
      }
    }
  }
  assert.ok(refused > 100)
})

test('says why bytes are no plan', () => {
  assert.throws(
    () => decode(new Uint8Array(3)),
    (error: unknown) => error instanceof PlanInvalid && error.refusal === 'TOO_SHORT',
  )
})

test.run()
