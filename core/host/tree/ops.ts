/**
 * Encodes ops as they are emitted. A tree takes a dozen ops a file, and building plans of objects first
 * (`plan/builder.ts`, `plan/encode.ts`) takes several times as long as running them; this gives the same
 * format from the same calls, but for texts, which are not merged.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import {
  arg as argCode,
  layout,
  magic,
  NO_SLOT,
  op as opCode,
  PLAN_VERSION,
  role,
} from '../../plan/abi.ts'
import type { ProgramBuilder } from '../../plan/builder.ts'
import { offsetOf, size } from '../../plan/layout.ts'
import { type Arg, argKind, type Cell, text, type Value } from '../../plan/program.ts'
import { syscall } from '../../linux/syscalls.ts'

/** Where ops go. */
export type Ops = Pick<ProgramBuilder, 'call' | 'emit' | 'put' | 'step'>

export interface OpStream extends Ops {
  /** Ops so far. */
  readonly count: number
  /** The plan: one program MAIN. What is emitted afterwards goes into the next one. */
  finish(): Uint8Array
  /** Takes back a plan that has been answered: touching fresh memory costs more than copying. */
  recycle(plan: Uint8Array): void
}

const at = {
  code: offsetOf(layout.op, 'code'),
  nr: offsetOf(layout.op, 'nr'),
  out: offsetOf(layout.op, 'out'),
  whole: offsetOf(layout.op, 'whole'),
  kinds: offsetOf(layout.op, 'kinds'),
  ignore: offsetOf(layout.op, 'ignore'),
  phrase: offsetOf(layout.op, 'phrase'),
  step: offsetOf(layout.op, 'step'),
  args: offsetOf(layout.op, 'args'),
} as const

const HEAD = size.HEADER + size.PROGRAM

/** What a plan's buffer holds at least. */
const SPARE_BYTES = 1 << 18

/** A buffer that grows. */
interface Growing {
  bytes: Buffer
  used: number
}

function grow(buffer: Growing, more: number): void {
  if (buffer.used + more <= buffer.bytes.length) return
  const bigger = Buffer.alloc(Math.max(buffer.bytes.length * 2, buffer.used + more))
  buffer.bytes.copy(bigger, 0, 0, buffer.used)
  buffer.bytes = bigger
}

/** @param slotCount how many slots the plan has */
export function opStream(slotCount: number): OpStream {
  const ops: Growing = { bytes: Buffer.alloc(1 << 18), used: HEAD }
  const data: Growing = { bytes: Buffer.alloc(1 << 16), used: 0 }
  const spare: ArrayBuffer[] = []
  const cells = new Map<Cell, number>()
  const phrases = new Map<string, number>()
  let phrase = ''
  let step = 0

  const place = (bytes: Uint8Array, align: number): number => {
    const offset = Math.ceil(data.used / align) * align
    grow(data, offset - data.used + bytes.length)
    data.bytes.set(bytes, offset)
    data.used = offset + bytes.length
    return offset
  }
  const offsetOfCell = (cell: Cell): number => {
    let offset = cells.get(cell)
    if (offset === undefined) cells.set(cell, offset = place(cell.bytes, cell.align))
    return offset
  }
  const phraseOf = (call: string): number => {
    let offset = phrases.get(call)
    if (offset === undefined) {
      phrases.set(call, offset = place(Buffer.from(`${phrase}\0${call}\0`), 1))
    }
    return offset
  }

  const word = (place: number, value: number | bigint) => {
    if (typeof value === 'number' && value >= 0) {
      ops.bytes.writeUInt32LE(value % 0x1_0000_0000, place)
      ops.bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), place + 4)
    } else ops.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), place)
  }
  const pointer = (place: number, cell: Cell, range: { offset: number; length: number }) => {
    ops.bytes.writeUInt32LE(offsetOfCell(cell) + range.offset, place)
    ops.bytes.writeUInt32LE(range.length, place + 4)
  }
  /** Writes an argument at `place`, and gives back its kind. */
  const writeArg = (place: number, value: Value): number => {
    switch (typeof value) {
      case 'number':
      case 'bigint':
        word(place, value)
        return argCode.IMM
      case 'string':
        return writeArg(place, text(value))
      default:
        if ('bytes' in value) {
          pointer(place, value, { offset: 0, length: value.bytes.length })
          return value.kind === 'text' ? argCode.TEXT : argCode.DATA
        }
        return writeRef(place, value)
    }
  }
  const writeRef = (place: number, value: Arg): number => {
    switch (value.kind) {
      case 'imm':
        word(place, value.value)
        return argCode.IMM
      case 'slot':
        word(place, value.slot)
        return argCode.SLOT
      case 'data':
        pointer(place, value.cell, value)
        return argKind(value)
      default:
        return value satisfies never
    }
  }

  const push = (
    { code, nr, call }: { code: number; nr: number; call: string },
    args: readonly Value[],
    options: Parameters<Ops['call']>[2] = {},
  ) => {
    grow(ops, size.OP)
    const start = ops.used
    const { bytes } = ops
    // The buffer was used by earlier plans.
    bytes.fill(0, start, start + size.OP)
    bytes.writeUInt16LE(code, start + at.code)
    bytes.writeUInt16LE(nr, start + at.nr)
    bytes[start + at.out] = options.out ?? NO_SLOT
    bytes[start + at.whole] = options.whole === undefined ? 0 : options.whole + 1
    options.ignore?.forEach((errno, i) => bytes.writeUInt16LE(errno, start + at.ignore + 2 * i))
    bytes.writeUInt32LE(phraseOf(call), start + at.phrase)
    bytes.writeUInt32LE(step, start + at.step)
    for (let i = 0; i < args.length; i++) {
      bytes[start + at.kinds + i] = writeArg(start + at.args + 8 * i, args[i] ?? 0)
    }
    ops.used += size.OP
  }

  const count = () => (ops.used - HEAD) / size.OP
  return {
    get count() {
      return count()
    },
    call: (name, args, options) =>
      push({ code: opCode.SYSCALL, nr: syscall[name], call: name }, args, options),
    emit: (code, args, options) =>
      push({ code: opCode[code], nr: 0, call: code.toLowerCase() }, args, options),
    put(cell, { offset, width }, value) {
      push({ code: opCode.PUT, nr: 0, call: 'put' }, [
        { kind: 'data', cell, offset, length: width },
        value,
      ])
    },
    step(index, words) {
      step = index
      if (words === phrase) return
      phrase = words
      phrases.clear()
    },
    finish() {
      const total = ops.used + data.used
      const header = [magic.PLAN, PLAN_VERSION, total, 1, count(), data.used, slotCount, 0]
      const program = [role.MAIN, 0, count(), 0]
      for (const [i, value] of [...header, ...program].entries()) {
        ops.bytes.writeUInt32LE(value, 4 * i)
      }
      const room = spare.pop()
      const buffer = room !== undefined && room.byteLength >= total
        ? room
        : new ArrayBuffer(Math.max(total, SPARE_BYTES))
      const plan = Buffer.from(buffer, 0, total)
      ops.bytes.copy(plan, 0, 0, ops.used)
      data.bytes.copy(plan, ops.used, 0, data.used)
      ops.used = HEAD
      data.used = 0
      cells.clear()
      phrases.clear()
      return plan
    },
    recycle({ buffer }) {
      if (buffer instanceof ArrayBuffer) spare.push(buffer)
    },
  }
}
