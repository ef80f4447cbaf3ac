import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
import { simulate } from '../../../core/linux/seccomp/simulate.ts'
import { sockFilter } from '../../../core/linux/structs.ts'

const test = suite('simulate()')

type Line = readonly [code: number, value?: number, jt?: number, jf?: number]

function program(...lines: readonly Line[]): Uint8Array {
  const bytes = new Uint8Array(lines.length * sockFilter.size)
  for (const [index, [code, value = 0, jt = 0, jf = 0]] of lines.entries()) {
    bytes.set(sockFilter.encode({ code, jt, jf, k: value }), index * sockFilter.size)
  }
  return bytes
}

const call = { nr: 7, arch: k.AUDIT_ARCH_X86_64, args: [0x1122334455667788n, 3n] }
const load = k.BPF_LD | k.BPF_IMM
const loadX = k.BPF_LDX | k.BPF_IMM
const word = k.BPF_LD | k.BPF_W | k.BPF_ABS
const returnA = k.BPF_RET | k.BPF_A
const run = (...lines: readonly Line[]) =>
  simulate(program(...lines, [returnA]), call).verdict >>> 0

test('calculates modulo 2^32', () => {
  const cases: readonly (readonly [number, number, number, number])[] = [
    [k.BPF_ADD, 0xffffffff, 2, 1],
    [k.BPF_SUB, 1, 2, 0xffffffff],
    [k.BPF_MUL, 0x10001, 0x10001, 0x20001],
    [k.BPF_DIV, 0xffffffff, 16, 0x0fffffff],
    [k.BPF_AND, 0xff00ff00, 0xf0f0f0f0, 0xf000f000],
    [k.BPF_OR, 0xf0, 0x80000000, 0x800000f0],
    [k.BPF_XOR, 0xffffffff, 1, 0xfffffffe],
    [k.BPF_LSH, 1, 31, 0x80000000],
    [k.BPF_RSH, 0x80000000, 31, 1],
  ]
  for (const [operation, a, b, wanted] of cases) {
    assert.is(run([load, a], [k.BPF_ALU | operation | k.BPF_K, b]), wanted)
    assert.is(run([load, a], [loadX, b], [k.BPF_ALU | operation | k.BPF_X]), wanted)
  }
  assert.is(run([load, 5], [k.BPF_ALU | k.BPF_NEG]), 0xfffffffb)
})

test('loads from the call, from scratch words and from registers', () => {
  assert.is(run([word, 0]), 7)
  assert.is(run([word, 4]), k.AUDIT_ARCH_X86_64)
  assert.is(run([word, 16]), 0x55667788)
  assert.is(run([word, 20]), 0x11223344)
  assert.is(run([k.BPF_LD | k.BPF_W | k.BPF_LEN]), 64)
  assert.is(run([load, 9], [k.BPF_ST, 15], [load, 1], [k.BPF_LD | k.BPF_MEM, 15]), 9)
  assert.is(run([loadX, 8], [k.BPF_STX, 0], [k.BPF_LD | k.BPF_MEM, 0]), 8)
  assert.is(run([load, 6], [k.BPF_MISC | k.BPF_TAX], [load, 0], [k.BPF_MISC | k.BPF_TXA]), 6)
})

test('jumps', () => {
  for (
    const [jump, a, b] of [
      [k.BPF_JEQ, 4, 4],
      [k.BPF_JGT, 0x80000000, 1],
      [k.BPF_JGE, 4, 4],
      [k.BPF_JSET, 6, 4],
    ] as const
  ) {
    const way = (left: number, right: number) =>
      run([load, left], [k.BPF_JMP | jump | k.BPF_K, right, 0, 1], [load, 1], [
        k.BPF_ALU | k.BPF_ADD,
        0,
      ])
    assert.is(way(a, b), 1)
    assert.is(way(0, b), 0)
    assert.is(run([loadX, b], [load, a], [k.BPF_JMP | jump | k.BPF_X, 0, 0, 1], [load, 99]), 99)
  }
  assert.is(run([k.BPF_JMP | k.BPF_JA, 1], [load, 5], [k.BPF_ALU | k.BPF_ADD, 1]), 1)
})

test('a division by X = 0 kills', () => {
  assert.is(run([load, 5], [k.BPF_ALU | k.BPF_DIV | k.BPF_X], [load, 1]), 0)
})

test('says whether the kernel can remember the verdict', () => {
  const constant = (...lines: readonly Line[]) => simulate(program(...lines), call).constant
  const allow: Line = [k.BPF_RET | k.BPF_K, k.SECCOMP_RET_ALLOW]
  assert.is(constant([word, 0], [word, 4], [k.BPF_ALU | k.BPF_AND | k.BPF_K, 1], allow), true)
  assert.is(constant([word, 16], allow), false)
  assert.is(constant([word, 8], allow), false)
  assert.is(constant([load, 0], allow), false)
  assert.is(constant([word, 0], [returnA]), false)
})

test('refuses what the kernel refuses', () => {
  assert.throws(() => run([word, 64]), /load from 64/)
  assert.throws(() => run([word, 2]), /load from 2/)
  assert.throws(() => run([k.BPF_ST, 16]), /scratch word 16/)
  assert.throws(() => run([k.BPF_ALU | k.BPF_MOD, 3]), /no arithmetic operation/)
  assert.throws(() => simulate(program([load, 0]), call), /runs over its end/)
})

test.run()
