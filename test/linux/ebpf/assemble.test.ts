import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import {
  assembleBpf,
  type Comparison,
  type Instruction,
  type Operation,
} from '../../../core/linux/ebpf/assemble.ts'
import { simulateBpf } from '../../../core/linux/ebpf/simulate.ts'

const test = suite('assembleBpf()')

const exit: Instruction = { kind: 'exit' }
const move = (to: 'r0' | 'r2' | 'r3', value: number): Instruction => ({
  kind: 'calculate',
  operation: 'move',
  to,
  value,
})
const run = (program: readonly Instruction[], context = new Uint8Array(0)) =>
  simulateBpf(assembleBpf([...program, exit]), { context })

test("encodes as the kernel's documentation says", () => {
  const bytes = assembleBpf([
    move('r0', -1),
    { kind: 'load', to: 'r2', width: 4, base: 'r1', offset: 8 },
    { kind: 'store', value: 'r2', width: 8, base: 'r10', offset: -8 },
    { kind: 'store', value: 7, width: 2, base: 'r10', offset: -2 },
    { kind: 'jump', when: 'not-equal', left: 'r2', right: 5, to: 'end' },
    { kind: 'call', helper: 14 },
    { kind: 'label', name: 'end' },
    exit,
  ])
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  assert.equal(hex.match(/.{16}/g), [
    'b7000000ffffffff',
    '6112080000000000',
    '7b2af8ff00000000',
    '6a0afeff07000000',
    '5502010005000000',
    '850000000e000000',
    '9500000000000000',
  ])
})

test('calculates in 64 bits; numbers are sign-extended', () => {
  const cases: readonly (readonly [Operation, number, number, bigint])[] = [
    ['add', -1, 1, 0n],
    ['subtract', 0, 1, 2n ** 64n - 1n],
    ['multiply', 65536, 65536, 2n ** 32n],
    ['and', -1, 0xff, 0xffn],
    ['or', 1, -2, 2n ** 64n - 1n],
    ['xor', 5, 3, 6n],
    ['shift-left', 1, 63, 2n ** 63n],
    ['shift-right', -1, 60, 15n],
    ['move', 1, -1, 2n ** 64n - 1n],
  ]
  for (const [operation, a, b, wanted] of cases) {
    assert.is(run([move('r0', a), { kind: 'calculate', operation, to: 'r0', value: b }]), wanted)
    const value = 'r2' as const
    const both = [move('r0', a), move('r2', b)]
    assert.is(run([...both, { kind: 'calculate', operation, to: 'r0', value }]), wanted)
  }
})

test('compares unsigned', () => {
  const cases: readonly (readonly [Comparison, number, number, boolean])[] = [
    ['equal', 3, 3, true],
    ['equal', 3, 4, false],
    ['not-equal', 3, 4, true],
    ['greater', -1, 1, true],
    ['greater', 1, 1, false],
    ['at-least', 1, 1, true],
    ['less', 1, -1, true],
    ['at-most', 2, 1, false],
    ['bits', 6, 4, true],
    ['bits', 6, 1, false],
  ]
  for (const [when, a, b, wanted] of cases) {
    for (const right of [b, 'r3'] as const) {
      const result = run([
        move('r2', a),
        move('r3', b),
        move('r0', 1),
        { kind: 'jump', when, left: 'r2', right, to: 'end' },
        move('r0', 0),
        { kind: 'label', name: 'end' },
      ])
      assert.is(result, wanted ? 1n : 0n, `${when} ${a} ${b}`)
    }
  }
})

test('reads and writes context and stack, and nothing else', () => {
  const context = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const copy: Instruction[] = [
    { kind: 'load', to: 'r2', width: 2, base: 'r1', offset: 2 },
    { kind: 'store', value: 'r2', width: 8, base: 'r10', offset: -8 },
    { kind: 'load', to: 'r0', width: 8, base: 'r10', offset: -8 },
    { kind: 'store', value: 0x55, width: 4, base: 'r1', offset: 4 },
  ]
  assert.is(run(copy, context), 0x0403n)
  assert.equal([...context], [1, 2, 3, 4, 0x55, 0, 0, 0])
  const outside: Instruction = { kind: 'load', to: 'r0', width: 4, base: 'r1', offset: 6 }
  assert.throws(() => run([outside], context), /outside context and stack/)
})

test('calls helpers', () => {
  const helpers = new Map([[7, ([a = 0n]: readonly bigint[]) => a + 1n]])
  const code = assembleBpf([{ kind: 'call', helper: 7 }, exit])
  assert.is(simulateBpf(code, { context: new Uint8Array(1), helpers }), 0x10001n)
  assert.throws(() => simulateBpf(code, { context: new Uint8Array(1) }), /helper 7 is unknown/)
})

test('refuses labels that are missing or there twice', () => {
  assert.throws(() => assembleBpf([{ kind: 'goto', to: 'a' }]), /no label a/)
  const label = { kind: 'label', name: 'a' } as const
  assert.throws(() => assembleBpf([label, exit, label]), /label a is there twice/)
})

test.run()
