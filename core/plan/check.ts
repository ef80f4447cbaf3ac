/**
 * The verifier once more, for bytes that TypeScript is about to read. `core/executor/verify.c` is the
 * one that counts; both refuse the same plans with the same codes. Pure.
 *
 * @module
 */
import {
  arg,
  layout,
  limit,
  magic,
  NO_SLOT,
  op as opCode,
  type OpName,
  PLAN_VERSION,
  type Refusal,
  role,
  shape,
} from './abi.ts'
import { checkMeaning } from './check_meaning.ts'
import { offsetOf, size } from './layout.ts'

/** Bytes are not a plan, or not a valid one. */
export class PlanInvalid extends RangeError {
  override readonly name = 'PlanInvalid'
  readonly refusal: Refusal
  /** Index in all ops of the plan; 0 when the reason lies before them. */
  readonly op: number

  constructor(refusal: Refusal, op: number) {
    super(`not a valid plan: ${refusal} at op ${op}`)
    this.refusal = refusal
    this.op = op
  }
}

/** An argument as it is encoded; `offset` and `length` have a meaning for DATA and TEXT only. */
export interface RawArg {
  readonly kind: number
  readonly value: bigint
  readonly offset: number
  readonly length: number
}

/** An op as it is encoded. */
export interface RawOp {
  readonly code: number
  readonly nr: number
  readonly out: number
  readonly whole: number
  readonly ignore: readonly [number, number]
  readonly phrase: number
  readonly step: number
  readonly args: readonly RawArg[]
}

/** The parts of an encoded plan. */
export interface RawPlan {
  readonly slotCount: number
  readonly programs: readonly {
    readonly role: number
    readonly first: number
    readonly count: number
  }[]
  readonly ops: readonly RawOp[]
  readonly data: Uint8Array
}

const opNames = new Map<number, OpName>(
  Object.entries(opCode).map(([name, code]) => [code, name as OpName]),
)
const roles: readonly number[] = Object.values(role)

/** The name of an op code that has been checked. */
export function opName(code: number): OpName {
  const name = opNames.get(code)
  if (!name) throw new RangeError(`no op has the code ${code}`)
  return name
}

const at = (name: (typeof layout.op)[number][0]) => offsetOf(layout.op, name)
const opAt = {
  code: at('code'),
  nr: at('nr'),
  out: at('out'),
  whole: at('whole'),
  kinds: at('kinds'),
  ignore: at('ignore'),
  phrase: at('phrase'),
  step: at('step'),
  args: at('args'),
} as const

function readOp(view: DataView, start: number): RawOp {
  const args = [0, 1, 2, 3, 4, 5].map((i) => {
    const value = view.getBigUint64(start + opAt.args + 8 * i, true)
    return {
      kind: view.getUint8(start + opAt.kinds + i),
      value,
      offset: Number(value & 0xffffffffn),
      length: Number(value >> 32n),
    }
  })
  return {
    code: view.getUint16(start + opAt.code, true),
    nr: view.getUint16(start + opAt.nr, true),
    out: view.getUint8(start + opAt.out),
    whole: view.getUint8(start + opAt.whole),
    ignore: [
      view.getUint16(start + opAt.ignore, true),
      view.getUint16(start + opAt.ignore + 2, true),
    ],
    phrase: view.getUint32(start + opAt.phrase, true),
    step: view.getUint32(start + opAt.step, true),
    args,
  }
}

/** The offset behind the text that starts at `from`, or undefined when there is none. */
function textEnd(data: Uint8Array, from: number): number | undefined {
  const end = from < data.length ? data.indexOf(0, from) : -1
  return end < 0 ? undefined : end + 1
}

function checkArg(raw: RawPlan, { kind, value, offset, length }: RawArg): Refusal | undefined {
  if (kind === arg.IMM) return undefined
  if (kind === arg.SLOT) return value < raw.slotCount ? undefined : 'SLOT'
  if (offset + length > raw.data.length) return 'DATA_RANGE'
  if (kind === arg.DATA) return undefined
  return length > 0 && textEnd(raw.data, offset) === offset + length ? undefined : 'TEXT'
}

function checkOp(raw: RawPlan, op: RawOp, self: number): Refusal | undefined {
  const name = opNames.get(op.code)
  if (!name) return 'OP_CODE'
  if (name !== 'SYSCALL' && op.nr !== 0) return 'UNUSED'
  for (const [i, each] of op.args.entries()) {
    if (each.kind > arg.TEXT) return 'ARG_KIND'
    const allowed = shape[name][i]?.map((kind) => arg[kind])
    if (!allowed && (each.kind !== arg.IMM || each.value !== 0n)) return 'UNUSED'
    if (allowed && !allowed.some((kind) => kind === each.kind)) return 'ARG_SHAPE'
    const refusal = checkArg(raw, each)
    if (refusal) return refusal
  }
  if (op.out !== NO_SLOT && op.out >= raw.slotCount) return 'OUT'
  if (op.whole > 6 || (op.whole !== 0 && name !== 'SYSCALL')) return 'WHOLE'
  const call = textEnd(raw.data, op.phrase)
  if (call === undefined || textEnd(raw.data, call) === undefined) return 'PHRASE'
  return checkMeaning(raw, op, { name, self })
}

/**
 * Checks a plan as the executor does, and takes it apart.
 *
 * @throws {PlanInvalid} with the code that the executor would refuse it with
 */
export function checkPlan(bytes: Uint8Array): RawPlan {
  const refuse = (refusal: Refusal, op = 0): never => {
    throw new PlanInvalid(refusal, op)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < size.HEADER) refuse('TOO_SHORT')
  const word = (name: (typeof layout.header)[number][0]) =>
    view.getUint32(offsetOf(layout.header, name), true)
  if (word('magic') !== magic.PLAN) refuse('MAGIC')
  if (word('version') !== PLAN_VERSION) refuse('VERSION')
  if (word('size') !== bytes.length || bytes.length > limit.PLAN_BYTES) refuse('SIZE')
  if (word('reserved') !== 0) refuse('RESERVED')
  const programCount = word('program_count')
  const opCount = word('op_count')
  if (programCount === 0 || programCount > limit.PROGRAMS) refuse('PROGRAM_COUNT')
  if (opCount > limit.OPS) refuse('OP_COUNT')
  if (word('slot_count') > limit.SLOTS) refuse('SLOT')
  const firstOp = size.HEADER + programCount * size.PROGRAM
  const dataStart = firstOp + opCount * size.OP
  if (dataStart + word('data_size') !== bytes.length) refuse('SIZE')

  const programs: RawPlan['programs'][number][] = []
  let next = 0
  for (let i = 0; i < programCount; i++) {
    const start = size.HEADER + i * size.PROGRAM
    const field = (name: (typeof layout.program)[number][0]) =>
      view.getUint32(start + offsetOf(layout.program, name), true)
    const program = { role: field('role'), first: field('first'), count: field('count') }
    if (field('reserved') !== 0) refuse('RESERVED')
    if (!roles.includes(program.role)) refuse('PROGRAM_ROLE')
    if (programs.some((each) => each.role === program.role)) refuse('PROGRAM_ROLE')
    if (program.first !== next) refuse('PROGRAM_RANGE')
    next += program.count
    programs.push(program)
  }
  if (next !== opCount) refuse('PROGRAM_RANGE')

  const ops = Array.from({ length: opCount }, (_, i) => readOp(view, firstOp + i * size.OP))
  const data = bytes.subarray(dataStart)
  const raw: RawPlan = { slotCount: word('slot_count'), programs, ops, data }
  for (const program of programs) {
    for (let i = program.first; i < program.first + program.count; i++) {
      const op = ops[i]
      const refusal = op && checkOp(raw, op, program.role)
      if (refusal) refuse(refusal, i)
    }
  }
  return raw
}
