/**
 * Reads the text form of a plan, which `dump.ts` describes. Pure.
 *
 * @module
 */
import { op as opCode, type OpName, PLAN_VERSION, type Role, role } from './abi.ts'
import { errno } from '../linux/errno.ts'
import { syscall } from '../linux/syscalls.ts'
import { type Arg, type Cell, type Op, part, type Plan } from './program.ts'
import { type Scanner, scanner } from './scanner.ts'

const calls: Readonly<Record<string, number>> = syscall
const errnos: Readonly<Record<string, number>> = errno

/** The bytes of a text: what was quoted, and a NUL. */
function terminated(quoted: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(quoted.length + 1)
  bytes.set(quoted)
  return bytes
}

/** Own, not inherited: names come from outside. */
function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

const isOpName = (name: string): name is OpName => Object.hasOwn(opCode, name)
const isRole = (name: string): name is Role => Object.hasOwn(role, name)

function parseRange(line: Scanner, cell: Cell): Arg {
  if (!line.accept('[')) return part(cell, { offset: 0, length: cell.bytes.length })
  const offset = line.number()
  line.expect('+')
  const length = line.number()
  line.expect(']')
  return part(cell, { offset, length })
}

function parseArg(line: Scanner, cells: ReadonlyMap<string, Cell>): Arg {
  if (line.peek('"')) {
    const bytes = terminated(line.quotedBytes())
    if (bytes.indexOf(0) !== bytes.length - 1) line.fail('a NUL in a text')
    return parseRange(line, { kind: 'text', bytes, align: 1 })
  }
  const slot = line.match(/s(\d+)/y)
  if (slot) return { kind: 'slot', slot: Number(slot[1]) }
  const name = line.match(/c\d+/y)
  if (name) {
    const cell = cells.get(name[0]) ?? line.fail(`no cell ${name[0]}`)
    return parseRange(line, cell)
  }
  const value = line.match(/-?\d+/y) ?? line.fail('an argument expected')
  return { kind: 'imm', value: BigInt.asUintN(64, BigInt(value[0])) }
}

/** What is called: `openat`, `call 999 "name"`, `PUT` or `PUT "name"`. */
function parseCall(line: Scanner): Pick<Op, 'code' | 'nr' | 'call'> {
  const name = (line.match(/\w+/y) ?? line.fail('a call expected'))[0]
  if (name === 'call' && line.accept(' ')) {
    const nr = line.number()
    line.expect(' ')
    return { code: 'SYSCALL', nr, call: line.json() }
  }
  if (isOpName(name)) {
    const call = line.accept(' ') ? line.json() : name.toLowerCase()
    return { code: name, nr: 0, call }
  }
  const nr = lookUp(calls, name) ?? line.fail(`no system call ${name}`)
  return { code: 'SYSCALL', nr, call: name }
}

function parseErrno(line: Scanner): number {
  const name = (line.match(/\w+/y) ?? line.fail('an error name expected'))[0]
  return /^\d+$/.test(name) ? Number(name) : lookUp(errnos, name) ?? line.fail(`no error ${name}`)
}

function parseOp(
  line: Scanner,
  cells: ReadonlyMap<string, Cell>,
  step: Pick<Op, 'step' | 'phrase'>,
): Op {
  const out = line.match(/s(\d+) = /y)
  const called = parseCall(line)
  const args: Arg[] = []
  line.expect('(')
  while (!line.accept(')')) {
    if (args.length > 0) line.expect(', ')
    args.push(parseArg(line, cells))
  }
  const ignore: number[] = []
  if (line.accept(' ignore ')) {
    do ignore.push(parseErrno(line))
    while (line.accept(','))
  }
  const whole = line.accept(' whole ') ? line.number() : undefined
  line.end()
  return { ...called, out: out ? Number(out[1]) : undefined, whole, args, ignore, ...step }
}

/** A cell and its rows; `next` is the index of the first line behind it. */
function parseCell(lines: readonly string[], at: number) {
  const line = scanner(lines[at] ?? '', at + 1)
  const [, name = '', size, align] = line.match(/cell (c\d+) size (\d+) align (\d+)/y) ??
    line.fail('a cell expected')
  line.end()
  const bytes = new Uint8Array(Number(size))
  let next = at + 1
  for (; lines[next]?.startsWith('  '); next++) {
    const row = scanner(lines[next] ?? '', next + 1)
    const [, offset = '', hex = ''] = row.match(/ {2}([0-9a-f]+) ((?:[0-9a-f]{2})+)/y) ??
      row.fail('a row of bytes expected')
    row.end()
    const content = Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))
    const start = Number.parseInt(offset, 16)
    if (start + content.length > bytes.length) row.fail('bytes behind the end of the cell')
    bytes.set(content, start)
  }
  const cell: Cell = { kind: 'bytes', bytes, align: Number(align) }
  return { name, cell, next }
}

/**
 * Parses the text form of a plan.
 *
 * @throws {RangeError} naming the line that is wrong
 */
export function parse(dump: string): Plan {
  const lines = dump.split('\n')
  const head = scanner(lines[0] ?? '', 1)
  const [, version, slotCount] = head.match(/plan (\d+) slots (\d+)/y) ?? head.fail('not a plan')
  head.end()
  if (Number(version) !== PLAN_VERSION) head.fail(`version ${version} is not known`)
  const cells = new Map<string, Cell>()
  const programs: { role: Role; ops: Op[] }[] = []
  let step: Pick<Op, 'step' | 'phrase'> | undefined

  for (let at = 1; at < lines.length;) {
    const text = lines[at] ?? ''
    const line = scanner(text, at + 1)
    if (text.startsWith('cell ')) {
      const { name, cell, next } = parseCell(lines, at)
      if (cells.has(name)) line.fail(`cell ${name} a second time`)
      cells.set(name, cell)
      at = next
      continue
    }
    at++
    if (text === '') continue
    if (line.accept('program ')) {
      const name = (line.match(/\w+/y) ?? line.fail('a role expected'))[0]
      line.end()
      if (!isRole(name)) throw line.error(`no role ${name}`)
      programs.push({ role: name, ops: [] })
      step = undefined
      continue
    }
    line.expect('  ')
    if (line.accept('step ')) {
      const number = line.number()
      line.expect(' ')
      step = { step: number, phrase: line.json() }
      line.end()
      continue
    }
    const program = programs.at(-1) ?? line.fail('an op outside of a program')
    program.ops.push(parseOp(line, cells, step ?? line.fail('an op before its step')))
  }
  return { programs, slotCount: Number(slotCount) }
}
