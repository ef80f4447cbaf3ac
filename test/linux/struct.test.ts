import { suite } from '../support/suite.ts'
import * as assert from 'uvu/assert'
import { struct } from '../../core/linux/struct.ts'
import { cloneArgs, mountAttr, sockaddrUn, sockFprog } from '../../core/linux/structs.ts'

const test = suite('struct()')

const mixed = struct('struct mixed', [
  ['a', 'u8'],
  ['b', 'u32'],
  ['c', 'be16'],
  ['d', 'bytes3'],
  ['e', 'i64'],
  ['f', 'u8'],
])

test('aligns as C does', () => {
  assert.equal(mixed.fields.map((field) => mixed.at(field).offset), [0, 4, 8, 10, 16, 24])
  assert.is(mixed.size, 32)
})

test('encodes and reads back', () => {
  const bytes = mixed.encode({ a: 255, b: 0x01020304, c: 0x1234, d: Uint8Array.of(7, 8), e: -2n })
  assert.equal([...bytes.slice(0, 13)], [255, 0, 0, 0, 4, 3, 2, 1, 0x12, 0x34, 7, 8, 0])
  const shifted = new Uint8Array(40)
  shifted.set(bytes, 8)
  assert.is(mixed.get(shifted, 'b', 8), 0x01020304n)
  assert.is(mixed.get(bytes, 'c'), 0x1234n)
  assert.is(mixed.get(bytes, 'e'), -2n)
})

test('takes -1 for all bits, and refuses what does not fit', () => {
  assert.is(mixed.get(mixed.encode({ b: -1 }), 'b'), 0xffffffffn)
  assert.throws(() => mixed.encode({ a: 256 }), /struct mixed.a: 256 does not fit in 8 bits/)
  assert.throws(() => mixed.encode({ a: -129 }), RangeError)
  assert.throws(() => mixed.encode({ d: new Uint8Array(4) }), /4 bytes do not fit in 3/)
  assert.throws(() => mixed.get(new Uint8Array(32), 'd'), /not an integer field/)
})

test('gives places as a PUT wants them', () => {
  assert.equal(cloneArgs.at('cgroup'), { offset: 80, width: 8 })
  assert.equal(cloneArgs.at('pidfd'), { offset: 8, width: 8 })
  assert.equal(mountAttr.at('userns_fd'), { offset: 24, width: 8 })
  assert.equal(sockFprog.at('filter'), { offset: 8, width: 8 })
})

test('sockaddrUn() makes addresses of exact length', () => {
  assert.equal([...sockaddrUn('/a')], [1, 0, 47, 97, 0])
  assert.equal([...sockaddrUn('@a')], [1, 0, 0, 97])
  assert.is(sockaddrUn('x'.repeat(107)).length, 110)
  assert.throws(() => sockaddrUn('x'.repeat(108)), RangeError)
  assert.throws(() => sockaddrUn('a\0b'), RangeError)
})

test.run()
