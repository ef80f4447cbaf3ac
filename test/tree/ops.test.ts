import * as assert from 'uvu/assert'
import { encode } from '../../core/plan/encode.ts'
import { size } from '../../core/plan/layout.ts'
import { planBuilder } from '../../core/plan/builder.ts'
import { bytes, fromSlot, part, text } from '../../core/plan/program.ts'
import { type Ops, opStream } from '../../core/host/tree/ops.ts'
import { suite } from '../support/suite.ts'

const test = suite('opStream()')

const cell = bytes(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9]))

function emitAll(program: Ops): void {
  program.step(1, 'do things')
  program.call('openat', [-100, 'name', 0o1000101, 0o600], { out: 17, ignore: [2, 17] })
  program.call('write', [fromSlot(17), cell, 9], { whole: 2 })
  program.step(2, 'do things')
  program.call('lseek', [fromSlot(17), 2 ** 40 + 5, 0])
  program.call('setxattr', [text(new Uint8Array([255, 1])), 'user.x', cell, 2n ** 63n, 0])
  program.step(3, 'do more')
  program.put(cell, { offset: 1, width: 4 }, fromSlot(17))
  program.emit('REPORT', [part(cell, { offset: 4, length: 5 }), 5])
  program.call('close', [fromSlot(17)])
}

/** Ops with their pointers followed, so that two plans can be compared whatever their data's order. */
function readOps(plan: Uint8Array): readonly unknown[] {
  const view = new DataView(plan.buffer, plan.byteOffset, plan.byteLength)
  const first = size.HEADER + size.PROGRAM
  const count = view.getUint32(16, true)
  const data = first + count * size.OP
  const textAt = (offset: number) => {
    const end = plan.indexOf(0, plan.indexOf(0, data + offset) + 1)
    return new TextDecoder().decode(plan.subarray(data + offset, end))
  }
  return Array.from({ length: count }, (_, index) => {
    const op = first + index * size.OP
    const args = Array.from({ length: 6 }, (_, i) => {
      const kind = view.getUint8(op + 6 + i)
      if (kind < 2) return [kind, view.getBigUint64(op + 24 + 8 * i, true)]
      const offset = data + view.getUint32(op + 24 + 8 * i, true)
      return [kind, [...plan.subarray(offset, offset + view.getUint32(op + 28 + 8 * i, true))]]
    })
    const head = [...plan.subarray(op, op + 6), ...plan.subarray(op + 12, op + 16)]
    return [head, textAt(view.getUint32(op + 16, true)), view.getUint32(op + 20, true), args]
  })
}

test('gives the ops that the builder and the encoder give', () => {
  const builder = planBuilder()
  for (let i = 0; i < 4; i++) builder.slot()
  emitAll(builder.program('MAIN'))
  const expected = readOps(encode(builder.build()))
  const stream = opStream(20)
  for (let round = 0; round < 3; round++) {
    emitAll(stream)
    assert.is(stream.count, 7)
    const plan = stream.finish()
    assert.equal(readOps(plan), expected)
    assert.is(new DataView(plan.buffer, plan.byteOffset).getUint32(8, true), plan.length)
  }
})

test('grows with its ops and data', () => {
  const stream = opStream(20)
  stream.step(0, 'write')
  for (let i = 0; i < 10_000; i++) {
    stream.call('write', [1, bytes(new Uint8Array(100).fill(7)), 100])
  }
  const ops = readOps(stream.finish())
  assert.is(ops.length, 10_000)
  assert.equal(ops[9_999], ops[0])
})

test.run()
