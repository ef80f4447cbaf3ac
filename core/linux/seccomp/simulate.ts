/**
 * Runs seccomp filters in TypeScript, as the kernel does: all instructions that seccomp(2) takes,
 * and no others. Pure.
 *
 * @see kernel/seccomp.c, seccomp_check_filter() and seccomp_is_const_allow()
 * @module
 */
import * as k from '../constants.ts'
import { seccompData, sockFilter } from '../structs.ts'

/** What a filter is asked about. */
export interface Call {
  readonly nr: number
  /** AUDIT_ARCH_*. */
  readonly arch: number
  readonly args?: readonly bigint[]
  readonly instructionPointer?: bigint
}

export interface Outcome {
  /** SECCOMP_RET_*, with its data. */
  readonly verdict: number
  /** How many instructions were run. */
  readonly steps: number
  /**
   * Whether the verdict depended on `nr` and `arch` alone, reached by instructions that the
   * kernel's emulation knows. The kernel remembers such verdicts if they are to allow.
   */
  readonly constant: boolean
}

const CLASS = 0x07
const OPERATION = 0xf0

/** Encodes struct seccomp_data. Pure. */
function dataOf(call: Call): DataView {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = call.args ?? []
  const bytes = seccompData.encode({
    nr: call.nr | 0,
    arch: call.arch,
    instruction_pointer: call.instructionPointer ?? 0n,
    'args[0]': BigInt.asUintN(64, a),
    'args[1]': BigInt.asUintN(64, b),
    'args[2]': BigInt.asUintN(64, c),
    'args[3]': BigInt.asUintN(64, d),
    'args[4]': BigInt.asUintN(64, e),
    'args[5]': BigInt.asUintN(64, f),
  })
  return new DataView(bytes.buffer)
}

function calculate(operation: number, a: number, operand: number): number {
  switch (operation) {
    case k.BPF_ADD:
      return a + operand
    case k.BPF_SUB:
      return a - operand
    case k.BPF_MUL:
      return Math.imul(a, operand)
    case k.BPF_DIV:
      return Math.floor(a / operand)
    case k.BPF_AND:
      return a & operand
    case k.BPF_OR:
      return a | operand
    case k.BPF_XOR:
      return a ^ operand
    case k.BPF_LSH:
      return a << operand
    case k.BPF_RSH:
      return a >>> operand
    case k.BPF_NEG:
      return -a
    default:
      throw new RangeError(`seccomp has no arithmetic operation ${operation.toString(16)}`)
  }
}

function holds(operation: number, a: number, operand: number): boolean {
  switch (operation) {
    case k.BPF_JEQ:
      return a === operand
    case k.BPF_JGT:
      return a > operand
    case k.BPF_JGE:
      return a >= operand
    case k.BPF_JSET:
      return (a & operand) !== 0
    default:
      throw new RangeError(`seccomp has no jump ${operation.toString(16)}`)
  }
}

/**
 * Runs a filter over one call. Pure.
 *
 * @param filter bytes of `struct sock_filter[]`
 * @throws {RangeError} for what the kernel would have refused when the filter was installed
 */
export function simulate(filter: Uint8Array, call: Call): Outcome {
  const code = new DataView(filter.buffer, filter.byteOffset, filter.byteLength)
  const data = dataOf(call)
  const memory = new Uint32Array(k.BPF_MEMWORDS)
  const length = filter.byteLength / sockFilter.size
  let [a, x, at, steps, constant] = [0, 0, 0, 0, true]

  const word = (offset: number) => {
    if (offset % 4 !== 0 || offset >= seccompData.size) throw new RangeError(`load from ${offset}`)
    if (offset > 4) constant = false
    return data.getUint32(offset, true)
  }
  const cell = (index: number) => {
    const value = memory[index]
    if (value === undefined) throw new RangeError(`scratch word ${index}`)
    return value
  }

  while (at < length) {
    const base = at * sockFilter.size
    const op = code.getUint16(base, true)
    const [jt, jf] = [code.getUint8(base + 2), code.getUint8(base + 3)]
    const value = code.getUint32(base + 4, true)
    const operand = (op & k.BPF_X) !== 0 ? x : value
    const operation = op & OPERATION
    at++
    steps++
    switch (op & CLASS) {
      case k.BPF_RET:
        if ((op & 0x18) === k.BPF_A) constant = false
        return { verdict: (op & 0x18) === k.BPF_A ? a : value, steps, constant }
      case k.BPF_LD:
        if (op === (k.BPF_LD | k.BPF_W | k.BPF_ABS)) a = word(value)
        else {
          constant = false
          a = source(op, value, cell)
        }
        break
      case k.BPF_LDX:
        constant = false
        x = source(op, value, cell)
        break
      case k.BPF_ST:
      case k.BPF_STX:
        constant = false
        cell(value)
        memory[value] = (op & CLASS) === k.BPF_ST ? a : x
        break
      case k.BPF_MISC:
        constant = false
        if ((op & 0xf8) === k.BPF_TAX) x = a
        else a = x
        break
      case k.BPF_ALU:
        if (op !== (k.BPF_ALU | k.BPF_AND | k.BPF_K)) constant = false
        // A division by X = 0 ends the program with 0, which is SECCOMP_RET_KILL_THREAD.
        if (operation === k.BPF_DIV && operand === 0) return { verdict: 0, steps, constant: false }
        a = calculate(operation, a, operand) >>> 0
        break
      default:
        if (operation === k.BPF_JA) at += value
        else {
          if ((op & k.BPF_X) !== 0) constant = false
          at += holds(operation, a, operand) ? jt : jf
        }
    }
  }
  throw new RangeError('the program runs over its end')
}

/** Value of a load that is not from the call's data. */
function source(op: number, value: number, cell: (index: number) => number): number {
  switch (op & 0xe0) {
    case k.BPF_IMM:
      return value
    case k.BPF_MEM:
      return cell(value)
    case k.BPF_LEN:
      return seccompData.size
    default:
      throw new RangeError(`seccomp has no load ${op.toString(16)}`)
  }
}
