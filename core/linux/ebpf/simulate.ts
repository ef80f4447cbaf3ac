/**
 * Runs eBPF programs in TypeScript: what `assemble.ts` can say, on a context and a stack. It does
 * not verify; it throws where a program would read or write outside both. Pure but for the helpers.
 *
 * @module
 */
import * as k from '../constants.ts'
import { INSTRUCTION_SIZE } from './assemble.ts'

/** What a call of a helper does with r1 to r5; the result goes to r0. */
export type Helper = (args: readonly bigint[]) => bigint

export interface World {
  /** The program's context; stores change it. */
  readonly context: Uint8Array
  readonly helpers?: ReadonlyMap<number, Helper>
}

const CONTEXT = 0x10000n
const STACK = 0x20000n
const STACK_BYTES = 512
/** More steps than any program without loops has. */
const STEPS = 1_000_000
const u64 = (value: bigint) => BigInt.asUintN(64, value)
const widths = new Map<number, number>([[k.BPF_B, 1], [k.BPF_H, 2], [k.BPF_W, 4], [k.BPF_DW, 8]])

function calculate(operation: number, a: bigint, b: bigint): bigint {
  switch (operation) {
    case k.BPF_ADD:
      return a + b
    case k.BPF_SUB:
      return a - b
    case k.BPF_MUL:
      return a * b
    case k.BPF_AND:
      return a & b
    case k.BPF_OR:
      return a | b
    case k.BPF_XOR:
      return a ^ b
    case k.BPF_LSH:
      return a << (b & 63n)
    case k.BPF_RSH:
      return a >> (b & 63n)
    case k.BPF_MOV:
      return b
    default:
      throw new RangeError(`cannot simulate operation ${operation.toString(16)}`)
  }
}

function holds(operation: number, a: bigint, b: bigint): boolean {
  switch (operation) {
    case k.BPF_JEQ:
      return a === b
    case k.BPF_JNE:
      return a !== b
    case k.BPF_JGT:
      return a > b
    case k.BPF_JGE:
      return a >= b
    case k.BPF_JLT:
      return a < b
    case k.BPF_JLE:
      return a <= b
    case k.BPF_JSET:
      return (a & b) !== 0n
    default:
      throw new RangeError(`cannot simulate jump ${operation.toString(16)}`)
  }
}

/**
 * Runs a program to its exit and gives back r0.
 *
 * @param program bytes of `struct bpf_insn[]`
 */
export function simulateBpf(program: Uint8Array, world: World): bigint {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const stack = new Uint8Array(STACK_BYTES)
  const registers = new BigUint64Array(11)
  registers[1] = CONTEXT
  registers[10] = STACK + BigInt(STACK_BYTES)

  const memory = (address: bigint, width: number): DataView => {
    for (const [base, bytes] of [[CONTEXT, world.context], [STACK, stack]] as const) {
      const offset = Number(BigInt.asIntN(64, address - base))
      if (offset >= 0 && offset + width <= bytes.length) {
        return new DataView(bytes.buffer, bytes.byteOffset + offset, width)
      }
    }
    throw new RangeError(`access to ${address.toString(16)}, outside context and stack`)
  }
  const load = (view: DataView) => {
    let value = 0n
    for (let i = view.byteLength - 1; i >= 0; i--) value = value << 8n | BigInt(view.getUint8(i))
    return value
  }
  const store = (view: DataView, value: bigint) => {
    for (let i = 0; i < view.byteLength; i++) {
      view.setUint8(i, Number(value >> BigInt(i * 8) & 255n))
    }
  }
  const get = (register: number) => registers[register] ?? 0n

  for (let at = 0, steps = 0; steps < STEPS; steps++) {
    const base = at * INSTRUCTION_SIZE
    const op = code.getUint8(base)
    const [to, from] = [code.getUint8(base + 1) & 15, code.getUint8(base + 1) >> 4]
    const offset = code.getInt16(base + 2, true)
    const immediate = u64(BigInt(code.getInt32(base + 4, true)))
    const value = (op & k.BPF_X) !== 0 ? get(from) : immediate
    const width = widths.get(op & 0x18) ?? 0
    at++
    switch (op & 0x07) {
      case k.BPF_ALU64:
        registers[to] = u64(calculate(op & 0xf0, get(to), value))
        break
      case k.BPF_LDX:
        registers[to] = load(memory(get(from) + BigInt(offset), width))
        break
      case k.BPF_ST:
        store(memory(get(to) + BigInt(offset), width), immediate)
        break
      case k.BPF_STX:
        store(memory(get(to) + BigInt(offset), width), get(from))
        break
      case k.BPF_JMP:
        if ((op & 0xf0) === k.BPF_EXIT) return get(0)
        if ((op & 0xf0) === k.BPF_CALL) {
          const helper = world.helpers?.get(Number(immediate))
          if (helper === undefined) throw new RangeError(`helper ${immediate} is unknown`)
          registers[0] = u64(helper([1, 2, 3, 4, 5].map(get)))
        } else if ((op & 0xf0) === k.BPF_JA || holds(op & 0xf0, get(to), value)) at += offset
        break
      default:
        throw new RangeError(`cannot simulate opcode ${op.toString(16)}`)
    }
  }
  throw new RangeError('the program does not end')
}
