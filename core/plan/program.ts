/**
 * Plans in memory, before they are encoded: programs of ops over cells of data. Pure data.
 *
 * @module
 */
import { arg, type OpName, type Role } from './abi.ts'
import { encodeUtf8 } from '../linux/text.ts'

/**
 * A run of bytes in a plan's data. Identity matters: a PUT into a cell is seen by every op that points
 * to it. Cells from {@link text} are never written to, so equal ones are merged by the encoder.
 */
export interface Cell {
  readonly kind: 'bytes' | 'text'
  readonly bytes: Uint8Array
  /** Alignment in bytes (a power of two); texts need 1. */
  readonly align: number
}

export type Arg =
  | { readonly kind: 'imm'; readonly value: bigint }
  | { readonly kind: 'slot'; readonly slot: number }
  | { readonly kind: 'data'; readonly cell: Cell; readonly offset: number; readonly length: number }

/** One op. See `core/plan/abi.ts` for what each code takes. */
export interface Op {
  readonly code: OpName
  /** Number of the system call; 0 for all codes but SYSCALL. */
  readonly nr: number
  /** Slot for the result. */
  readonly out: number | undefined
  /** Index of the argument that the result must equal. */
  readonly whole: number | undefined
  readonly args: readonly Arg[]
  /** errno values that count as success, two at most. */
  readonly ignore: readonly number[]
  /** Verb phrase for messages: `attach tmpfs at "/mnt" for guest "web"`. */
  readonly phrase: string
  /** Name of the system call or of the op, for messages. */
  readonly call: string
  /** Index in the step list that this op was compiled from. */
  readonly step: number
}

export interface Program {
  readonly role: Role
  readonly ops: readonly Op[]
}

export interface Plan {
  readonly programs: readonly Program[]
  readonly slotCount: number
}

/** Makes an immutable, NUL-terminated text cell. A NUL inside throws RangeError. */
export function text(value: string | Uint8Array): Cell {
  const raw = typeof value === 'string' ? encodeUtf8(value) : value
  if (raw.includes(0)) throw new RangeError('text must not contain NUL')
  const bytes = new Uint8Array(raw.length + 1)
  bytes.set(raw)
  return { kind: 'text', bytes, align: 1 }
}

/** Makes a cell that ops may write to. */
export function bytes(value: Uint8Array | number, align = 8): Cell {
  return { kind: 'bytes', bytes: typeof value === 'number' ? new Uint8Array(value) : value, align }
}

/** What a builder takes for an argument: numbers are immediates, cells and strings pointers. */
export type Value = number | bigint | string | Cell | Arg

/** Turns a value into an argument. Negative numbers become two's complement. */
export function toArg(value: Value): Arg {
  switch (typeof value) {
    case 'number':
      if (!Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${value}`)
      return { kind: 'imm', value: BigInt.asUintN(64, BigInt(value)) }
    case 'bigint':
      return { kind: 'imm', value: BigInt.asUintN(64, value) }
    case 'string':
      return whole(text(value))
    default:
      return 'bytes' in value ? whole(value) : value
  }
}

/** A pointer to a whole cell. */
export function whole(cell: Cell): Arg {
  return { kind: 'data', cell, offset: 0, length: cell.bytes.length }
}

/** A pointer to a part of a cell. */
export function part(cell: Cell, range: { offset: number; length: number }): Arg {
  const { offset, length } = range
  if (offset < 0 || length < 0 || offset + length > cell.bytes.length) {
    throw new RangeError(
      `part ${offset}+${length} lies outside a cell of ${cell.bytes.length} bytes`,
    )
  }
  return { kind: 'data', cell, offset, length }
}

/** The value of a slot at run time. */
export function fromSlot(slot: number): Arg {
  return { kind: 'slot', slot }
}

/** The kind number that an argument is encoded with. Pure. */
export function argKind(value: Arg): number {
  switch (value.kind) {
    case 'imm':
      return arg.IMM
    case 'slot':
      return arg.SLOT
    case 'data':
      return value.cell.kind === 'text' && value.offset + value.length === value.cell.bytes.length
        ? arg.TEXT
        : arg.DATA
    default:
      return value satisfies never
  }
}
