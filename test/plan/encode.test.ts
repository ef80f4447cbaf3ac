import * as assert from 'uvu/assert'
import { layout, limit, magic, NO_SLOT, op } from '../../core/plan/abi.ts'
import { planBuilder } from '../../core/plan/builder.ts'
import { checkPlan } from '../../core/plan/check.ts'
import { encode } from '../../core/plan/encode.ts'
import { fields, size } from '../../core/plan/layout.ts'
import { bytes, part, text } from '../../core/plan/program.ts'
import { golden } from '../support/golden.ts'
import { suite } from '../support/suite.ts'
import { samplePlan } from './sample.ts'

const test = suite('encode()')

/** A builder with one program that has its first step. */
function main() {
  const builder = planBuilder()
  const program = builder.program('MAIN')
  program.step(0, 'try')
  return { builder, program }
}

test('writes the stored bytes for the sample', () => golden('sample', samplePlan()))

test('writes a header that the verifier takes', () => {
  const raw = checkPlan(encode(samplePlan()))
  assert.is(raw.programs.length, 2)
  assert.is(raw.slotCount, samplePlan().slotCount)
})

test('gives equal bytes for equal plans', () => {
  assert.equal(encode(samplePlan()), encode(samplePlan()))
})

test('writes each text once, and each cell where its alignment wants it', () => {
  const { builder, program } = main()
  const odd = bytes(Uint8Array.of(1), 1)
  const page = bytes(Uint8Array.of(2), 4096)
  program.call('rename', ['same', 'same'])
  program.call('write', [1, odd, 1])
  program.call('write', [1, page, 1])
  const plan = encode(builder.build())
  const raw = checkPlan(plan)
  const start = plan.length - raw.data.length
  assert.is(raw.ops[0]?.args[0]?.value, raw.ops[0]?.args[1]?.value)
  assert.is((start + (raw.ops[2]?.args[1]?.offset ?? 0)) % 4096, 0)
})

test('keeps apart cells that are equal', () => {
  const { builder, program } = main()
  program.call('rename', [bytes(8), bytes(8)])
  const [first, second] = checkPlan(encode(builder.build())).ops[0]?.args ?? []
  assert.is.not(first?.offset, second?.offset)
})

test('writes immediates as two’s complement', () => {
  const { builder, program } = main()
  program.call('close', [-1])
  program.call('close', [2n ** 64n - 1n])
  const values = checkPlan(encode(builder.build())).ops.map(({ args }) => args[0]?.value)
  assert.equal(values, [2n ** 64n - 1n, 2n ** 64n - 1n])
})

test('writes a part that lacks the end of its text as DATA', () => {
  const { builder, program } = main()
  program.call('write', [1, part(text('abc'), { offset: 0, length: 3 }), 3])
  program.call('write', [1, part(text('abc'), { offset: 4, length: 0 }), 0])
  const kinds = checkPlan(encode(builder.build())).ops.map(({ args }) => args[1]?.kind)
  assert.equal(kinds, [2, 2])
})

test('writes no slot and no whole as nothing', () => {
  const { builder, program } = main()
  program.call('getpid', [])
  const [only] = checkPlan(encode(builder.build())).ops
  assert.is(only?.out, NO_SLOT)
  assert.is(only?.whole, 0)
})

test('refuses to write into a text', () => {
  const { builder, program } = main()
  program.put(text('shared'), { offset: 0, width: 4 }, 1)
  assert.throws(() => encode(builder.build()), /write into a text/)
})

test('refuses what the format has no room for', () => {
  const seven = main()
  seven.program.call('getpid', [1, 2, 3, 4, 5, 6, 7])
  assert.throws(() => encode(seven.builder.build()), /more than six/)
  const three = main()
  three.program.call('getpid', [], { ignore: [1, 2, 3] })
  assert.throws(() => encode(three.builder.build()), /more than two/)
  const large = main()
  large.program.call('write', [1, bytes(limit.PLAN_BYTES), 1])
  assert.throws(() => encode(large.builder.build()), /exceeds/)
})

test('every layout is aligned by construction, and the op codes have no gap', () => {
  for (const of of Object.values(layout)) {
    for (const { name, offset, width } of fields(of)) assert.is(offset % width, 0, name)
  }
  assert.equal(size, { HEADER: 32, PROGRAM: 16, OP: 72, FRAME: 32 })
  assert.equal(Object.values(op), Object.values(op).map((_, i) => i))
  assert.is(magic.PLAN, 0x4c505356)
})

test.run()
