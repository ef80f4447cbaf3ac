/**
 * Plans to bytes. Pure.
 *
 * The data holds, in this order: the cells that ops may write to, each aligned; the phrases, each once;
 * the texts, each once. All in order of first use, so equal plans have equal bytes, and
 * `decode.ts` can tell the three apart.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { layout, limit, magic, NO_SLOT, op as opCode, PLAN_VERSION, role } from './abi.ts'
import { arg as argCode } from './abi.ts'
import { offsetOf, size } from './layout.ts'
import { type Arg, argKind, type Cell, type Op, type Plan } from './program.ts'
import { encodeUtf8 } from '../linux/text.ts'

/** Ops whose first argument is written to. */
const writers: ReadonlySet<string> = new Set(['PUT', 'DECIMAL', 'CLOCK'])

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

/** A piece of data and the place where it goes, counted from the start of the plan. */
interface Placed {
  readonly offset: number
  readonly bytes: Uint8Array
}

interface DataLayout {
  readonly size: number
  readonly placed: readonly Placed[]
  readonly offsets: ReadonlyMap<Cell, number>
  readonly phrases: ReadonlyMap<string, number>
}

const phraseKey = (op: Op) => `${op.phrase}\0${op.call}\0`

function checkOp(op: Op): void {
  const complain = (what: string): never => {
    throw new RangeError(`cannot encode ${op.code} (${op.phrase}): ${what}`)
  }
  if (op.args.length > 6) complain('more than six arguments')
  if (op.ignore.length > 2) complain('more than two ignored errors')
  if (op.whole !== undefined && (op.whole < 0 || op.whole > 5)) complain('whole is no argument')
  if (op.phrase.includes('\0') || op.call.includes('\0')) complain('a NUL in its words')
  const [target] = op.args
  if (writers.has(op.code) && target?.kind === 'data' && target.cell.kind === 'text') {
    complain('it would write into a text, which other ops may share')
  }
}

/** Decides where all data goes, from `start` on (the offset of the data in the plan). */
function layOut(ops: readonly Op[], start: number): DataLayout {
  const placed: Placed[] = []
  const offsets = new Map<Cell, number>()
  const phrases = new Map<string, number>()
  const texts = new Map<string, number>()
  let end = start
  const place = (bytes: Uint8Array, align: number): number => {
    const offset = Math.ceil(end / align) * align
    placed.push({ offset, bytes })
    end = offset + bytes.length
    return offset
  }
  const cells = (kind: Cell['kind']): Cell[] =>
    ops.flatMap(({ args }) =>
      args.flatMap((arg) => arg.kind === 'data' && arg.cell.kind === kind ? [arg.cell] : [])
    )

  for (const cell of cells('bytes')) {
    if (!offsets.has(cell)) offsets.set(cell, place(cell.bytes, cell.align))
  }
  for (const op of ops) {
    const key = phraseKey(op)
    if (!phrases.has(key)) phrases.set(key, place(encodeUtf8(key), 1))
  }
  for (const cell of cells('text')) {
    if (offsets.has(cell)) continue
    const key = Buffer.from(cell.bytes).toString('latin1')
    const offset = texts.get(key) ?? place(cell.bytes, 1)
    texts.set(key, offset)
    offsets.set(cell, offset)
  }
  // a multiple of 8, so that what follows a plan in a file is aligned
  return { size: Math.ceil(end / 8) * 8 - start, placed, offsets, phrases }
}

/** The kind and the value of an argument. `start` is the offset of the data in the plan. */
function encodeArg(arg: Arg, data: DataLayout, start: number): [kind: number, value: bigint] {
  switch (arg.kind) {
    case 'imm':
      return [argCode.IMM, BigInt.asUintN(64, arg.value)]
    case 'slot':
      return [argCode.SLOT, BigInt(arg.slot)]
    case 'data': {
      const offset = (data.offsets.get(arg.cell) ?? 0) + arg.offset - start
      const kind = arg.length === 0 ? argCode.DATA : argKind(arg)
      return [kind, BigInt(arg.length) << 32n | BigInt(offset)]
    }
    default:
      return arg satisfies never
  }
}

function encodeOp(view: DataView, op: Op, data: DataLayout, start: number): void {
  view.setUint16(at.code, opCode[op.code], true)
  view.setUint16(at.nr, op.nr, true)
  view.setUint8(at.out, op.out ?? NO_SLOT)
  view.setUint8(at.whole, op.whole === undefined ? 0 : op.whole + 1)
  op.ignore.forEach((errno, i) => view.setUint16(at.ignore + 2 * i, errno, true))
  view.setUint32(at.phrase, (data.phrases.get(phraseKey(op)) ?? 0) - start, true)
  view.setUint32(at.step, op.step, true)
  op.args.forEach((arg, i) => {
    const [kind, value] = encodeArg(arg, data, start)
    view.setUint8(at.kinds + i, kind)
    view.setBigUint64(at.args + 8 * i, value, true)
  })
}

/**
 * Encodes a plan in the format of `abi.ts`.
 *
 * @throws {RangeError} when the plan exceeds a limit of the format, or an op would write into a text
 */
export function encode(plan: Plan): Uint8Array<ArrayBuffer> {
  const ops = plan.programs.flatMap((program) => program.ops)
  ops.forEach(checkOp)
  const firstOp = size.HEADER + plan.programs.length * size.PROGRAM
  const start = firstOp + ops.length * size.OP
  const data = layOut(ops, start)
  const total = start + data.size
  if (plan.programs.length > limit.PROGRAMS) throw new RangeError('too many programs for a plan')
  if (ops.length > limit.OPS) throw new RangeError(`a plan has at most ${limit.OPS} ops`)
  if (plan.slotCount > limit.SLOTS) throw new RangeError(`a plan has at most ${limit.SLOTS} slots`)
  if (total > limit.PLAN_BYTES) {
    throw new RangeError(`a plan of ${total} bytes exceeds ${limit.PLAN_BYTES}`)
  }

  const bytes = new Uint8Array(total)
  const words = new DataView(bytes.buffer)
  const header = [
    magic.PLAN,
    PLAN_VERSION,
    total,
    plan.programs.length,
    ops.length,
    data.size,
    plan.slotCount,
    0,
  ]
  header.forEach((word, i) => words.setUint32(4 * i, word, true))
  let first = 0
  plan.programs.forEach((program, p) => {
    const record = [role[program.role], first, program.ops.length, 0]
    record.forEach((word, i) => words.setUint32(size.HEADER + p * size.PROGRAM + 4 * i, word, true))
    first += program.ops.length
  })
  ops.forEach((op, i) => {
    encodeOp(new DataView(bytes.buffer, firstOp + i * size.OP, size.OP), op, data, start)
  })
  for (const { offset, bytes: content } of data.placed) bytes.set(content, offset)
  return bytes
}
