/**
 * Assembler for eBPF: a list of instructions and labels to `struct bpf_insn[]`. Pure.
 *
 * @see Documentation/bpf/standardization/instruction-set.rst
 * @module
 */
import * as k from '../constants.ts'

/** r0 result, r1 to r5 arguments, r6 to r9 kept over calls, r10 frame pointer. */
export type Register = `r${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10}`

/** A register or a signed 32-bit number. */
export type Operand = Register | number

export type Width = 1 | 2 | 4 | 8

/** 64-bit operations; `move` copies. */
export const operations = {
  add: k.BPF_ADD,
  subtract: k.BPF_SUB,
  multiply: k.BPF_MUL,
  and: k.BPF_AND,
  or: k.BPF_OR,
  xor: k.BPF_XOR,
  'shift-left': k.BPF_LSH,
  'shift-right': k.BPF_RSH,
  move: k.BPF_MOV,
} as const
export type Operation = keyof typeof operations

/** Unsigned comparisons; `bits` asks whether left & right is not 0. */
export const comparisons = {
  equal: k.BPF_JEQ,
  'not-equal': k.BPF_JNE,
  greater: k.BPF_JGT,
  'at-least': k.BPF_JGE,
  less: k.BPF_JLT,
  'at-most': k.BPF_JLE,
  bits: k.BPF_JSET,
} as const
export type Comparison = keyof typeof comparisons

export type Instruction =
  | { readonly kind: 'label'; readonly name: string }
  | {
    readonly kind: 'calculate'
    readonly operation: Operation
    readonly to: Register
    readonly value: Operand
  }
  /** to = the `width` bytes at base + offset. */
  | {
    readonly kind: 'load'
    readonly to: Register
    readonly width: Width
    readonly base: Register
    readonly offset: number
  }
  /** The `width` bytes at base + offset = value. */
  | {
    readonly kind: 'store'
    readonly value: Operand
    readonly width: Width
    readonly base: Register
    readonly offset: number
  }
  | {
    readonly kind: 'jump'
    readonly when: Comparison
    readonly left: Register
    readonly right: Operand
    readonly to: string
  }
  | { readonly kind: 'goto'; readonly to: string }
  /** Calls a helper by its number (BPF_FUNC_*); r0 is its result, r1 to r5 are lost. */
  | { readonly kind: 'call'; readonly helper: number }
  | { readonly kind: 'exit' }

/** Bytes of one instruction. */
export const INSTRUCTION_SIZE = 8

const sizes: Readonly<Record<Width, number>> = { 1: k.BPF_B, 2: k.BPF_H, 4: k.BPF_W, 8: k.BPF_DW }
const number = (register: Register) => Number(register.slice(1))

interface Encoded {
  readonly code: number
  readonly to?: number
  readonly from?: number
  readonly offset?: number
  readonly immediate?: number
}

/** Source part: BPF_X and the register, or BPF_K and the number. */
function operand(value: Operand): { source: number; from: number; immediate: number } {
  return typeof value === 'number'
    ? { source: k.BPF_K, from: 0, immediate: value }
    : { source: k.BPF_X, from: number(value), immediate: 0 }
}

function encode(item: Instruction, distance: (label: string) => number): Encoded {
  switch (item.kind) {
    case 'calculate': {
      const { source, ...rest } = operand(item.value)
      const code = k.BPF_ALU64 | operations[item.operation] | source
      return { code, to: number(item.to), ...rest }
    }
    case 'load': {
      const code = k.BPF_LDX | k.BPF_MEM | sizes[item.width]
      return { code, to: number(item.to), from: number(item.base), offset: item.offset }
    }
    case 'store': {
      const { source, ...rest } = operand(item.value)
      const kind = source === k.BPF_X ? k.BPF_STX : k.BPF_ST
      const code = kind | k.BPF_MEM | sizes[item.width]
      return { code, to: number(item.base), offset: item.offset, ...rest }
    }
    case 'jump': {
      const { source, ...rest } = operand(item.right)
      const code = k.BPF_JMP | comparisons[item.when] | source
      return { code, to: number(item.left), offset: distance(item.to), ...rest }
    }
    case 'goto':
      return { code: k.BPF_JMP | k.BPF_JA, offset: distance(item.to) }
    case 'call':
      return { code: k.BPF_JMP | k.BPF_CALL, immediate: item.helper }
    case 'exit':
      return { code: k.BPF_JMP | k.BPF_EXIT }
    case 'label':
      throw new RangeError('a label is no instruction')
    default:
      return item satisfies never
  }
}

/**
 * Makes the bytes of a program. Pure.
 *
 * @throws {RangeError} for a label that is missing or there twice, and for a jump farther than
 * 32,767
 */
export function assembleBpf(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const labels = new Map<string, number>()
  const code: Exclude<Instruction, { kind: 'label' }>[] = []
  for (const item of program) {
    if (item.kind !== 'label') code.push(item)
    else if (labels.has(item.name)) throw new RangeError(`label ${item.name} is there twice`)
    else labels.set(item.name, code.length)
  }
  const bytes = new Uint8Array(code.length * INSTRUCTION_SIZE)
  const view = new DataView(bytes.buffer)
  for (const [index, item] of code.entries()) {
    const encoded = encode(item, (label) => {
      const target = labels.get(label)
      if (target === undefined) throw new RangeError(`there is no label ${label}`)
      const distance = target - index - 1
      if (Math.abs(distance) > 0x7fff) throw new RangeError(`label ${label} is too far away`)
      return distance
    })
    const at = index * INSTRUCTION_SIZE
    view.setUint8(at, encoded.code)
    view.setUint8(at + 1, (encoded.from ?? 0) << 4 | (encoded.to ?? 0))
    view.setInt16(at + 2, encoded.offset ?? 0, true)
    view.setInt32(at + 4, encoded.immediate ?? 0, true)
  }
  return bytes
}
