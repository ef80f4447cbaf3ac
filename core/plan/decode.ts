/**
 * Bytes to plans. Pure.
 *
 * A binary does not say where one cell ends and the next begins. So the cells that come out are the
 * smallest that encode to the same bytes in the same places: `encode(decode(bytes))` equals `bytes`.
 *
 * @module
 */
import { arg as argCode, NO_SLOT, type Role, role, shape } from './abi.ts'
import { checkPlan, opName, type RawArg, type RawOp, type RawPlan } from './check.ts'
import { encode } from './encode.ts'
import { textAt } from './phrase.ts'
import { type Arg, bytes as bytesCell, type Cell, type Op, type Plan } from './program.ts'

/** A run of writable data that becomes one cell; `use` counts from the first op on. */
interface Piece {
  readonly start: number
  readonly end: number
  readonly use: number
}

const roleNames = new Map<number, Role>(
  Object.entries(role).map(([name, value]) => [value, name as Role]),
)

const isPointer = ({ kind }: RawArg) => kind === argCode.DATA || kind === argCode.TEXT

/** Joins the pieces that overlap, then those whose order of first use is not that of their places. */
function joinPieces(pieces: readonly Piece[]): readonly Piece[] {
  const join = (a: Piece, b: Piece): Piece => ({
    start: a.start,
    end: Math.max(a.end, b.end),
    use: Math.min(a.use, b.use),
  })
  const joined: Piece[] = []
  for (const piece of pieces.toSorted((a, b) => a.start - b.start || a.use - b.use)) {
    let next = piece
    for (let last = joined.at(-1); last; last = joined.at(-1)) {
      if (next.start >= last.end && next.use >= last.use) break
      joined.pop()
      next = join(last, next)
    }
    joined.push(next)
  }
  return joined
}

/** Finds the cell that a pointer points into. */
type Finder = (arg: RawArg) => { readonly cell: Cell; readonly start: number }

function cellFinder(raw: RawPlan): Finder {
  const writableEnd = raw.ops.reduce(
    (least, { phrase }) => Math.min(least, phrase),
    raw.data.length,
  )
  const isWritable = ({ offset, length }: RawArg) =>
    offset < writableEnd || (length === 0 && offset === writableEnd)
  const pieces = joinPieces(
    raw.ops.flatMap(({ args }) => args).flatMap((arg, use) =>
      isPointer(arg) && isWritable(arg)
        ? [{ start: arg.offset, end: arg.offset + arg.length, use }]
        : []
    ),
  )
  // what no op points to belongs to the cell before it
  const cells = pieces.map(({ start }, i) => {
    const from = i === 0 ? 0 : start
    const content = raw.data.slice(from, pieces[i + 1]?.start ?? writableEnd)
    return { start: from, cell: bytesCell(content, 1) }
  })
  const texts = new Map<number, Cell>()

  return (arg) => {
    if (isWritable(arg)) {
      const found = cells.findLast(({ start }) => start <= arg.offset)
      if (!found) throw new RangeError(`no cell at offset ${arg.offset}`)
      return found
    }
    const start = arg.offset === 0 ? 0 : raw.data.lastIndexOf(0, arg.offset - 1) + 1
    const end = raw.data.indexOf(0, arg.offset) + 1
    const cell = texts.get(start) ?? { kind: 'text', bytes: raw.data.slice(start, end), align: 1 }
    texts.set(start, cell)
    return { cell, start }
  }
}

function decodeArg(arg: RawArg, find: Finder): Arg {
  if (arg.kind === argCode.IMM) return { kind: 'imm', value: arg.value }
  if (arg.kind === argCode.SLOT) return { kind: 'slot', slot: Number(arg.value) }
  const { cell, start } = find(arg)
  return { kind: 'data', cell, offset: arg.offset - start, length: arg.length }
}

function decodeOp(raw: RawPlan, op: RawOp, find: Finder): Op {
  const code = opName(op.code)
  const { text: phrase, next } = textAt(raw.data, op.phrase)
  const unused = op.args.findLastIndex(({ kind, value }) => kind !== argCode.IMM || value !== 0n) +
    1
  const count = code === 'SYSCALL' ? unused : shape[code].length
  const [first, second] = op.ignore
  return {
    code,
    nr: op.nr,
    out: op.out === NO_SLOT ? undefined : op.out,
    whole: op.whole === 0 ? undefined : op.whole - 1,
    args: op.args.slice(0, count).map((arg) => decodeArg(arg, find)),
    ignore: second === 0 ? first === 0 ? [] : [first] : [first, second],
    phrase,
    call: textAt(raw.data, next).text,
    step: op.step,
  }
}

/**
 * Decodes a plan.
 *
 * @throws {PlanInvalid} when the executor would refuse it
 * @throws {RangeError} when its data does not lie as `encode` lays it out
 */
export function decode(bytes: Uint8Array): Plan {
  const raw = checkPlan(bytes)
  const find = cellFinder(raw)
  const programs = raw.programs.map(({ role: number, first, count }) => {
    const name = roleNames.get(number)
    if (!name) throw new RangeError(`no role has the number ${number}`)
    const ops = raw.ops.slice(first, first + count).map((op) => decodeOp(raw, op, find))
    return { role: name, ops }
  })
  const plan: Plan = { programs, slotCount: raw.slotCount }
  const again = encode(plan)
  if (again.length !== bytes.length || again.some((byte, i) => byte !== bytes[i])) {
    throw new RangeError('the data of the plan does not lie as the encoder lays it out')
  }
  return plan
}
