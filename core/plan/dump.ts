/**
 * Plans as text, for people and for golden files. `parse.ts` reads it back:
 * `encode(parse(dump(plan)))` equals `encode(plan)`. Pure.
 *
 *     plan 1 slots 18
 *
 *     cell c0 size 512 align 8
 *       0000 2f6d6e74
 *
 *     program MAIN
 *       step 0 "read the kernel version"
 *       s16 = openat(-100, "/proc/version")
 *       s17 = read(s16, c0, 512) ignore EAGAIN whole 2
 *       REPORT(c0[0+4], s17)
 *
 * Lines of a cell give the offset and up to 32 bytes; rows of zeros are left out. A call that is not
 * known by its name is written `call 999 "name"(…)`, an op with words of its own `PUT "name"(…)`.
 *
 * @module
 */
import { PLAN_VERSION } from './abi.ts'
import { errno } from '../linux/errno.ts'
import { syscall } from '../linux/syscalls.ts'
import type { Arg, Cell, Op, Plan } from './program.ts'

/** Bytes a line of a cell. */
const ROW = 32

const calls: Readonly<Record<string, number>> = syscall
const errnoNames = new Map<number, string>(
  Object.entries(errno).map(([name, value]) => [value, name] as const).reverse(),
)

/** Quotes bytes so that every one can be read back; those that are not printable ASCII as `\xNN`. */
export function quote(bytes: Uint8Array): string {
  const parts = Array.from(bytes, (byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`
    if (byte === 0x0a) return '\\n'
    if (byte >= 0x20 && byte < 0x7f) return String.fromCharCode(byte)
    return `\\x${byte.toString(16).padStart(2, '0')}`
  })
  return `"${parts.join('')}"`
}

function dumpCell(name: string, { bytes, align }: Cell): string[] {
  const lines = [`cell ${name} size ${bytes.length} align ${align}`]
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = bytes.subarray(at, at + ROW)
    if (row.every((byte) => byte === 0)) continue
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join('')
    lines.push(`  ${at.toString(16).padStart(4, '0')} ${hex}`)
  }
  return lines
}

function dumpArg(arg: Arg, names: ReadonlyMap<Cell, string>): string {
  switch (arg.kind) {
    case 'imm':
      return BigInt.asIntN(64, arg.value).toString()
    case 'slot':
      return `s${arg.slot}`
    case 'data': {
      const { cell, offset, length } = arg
      const name = cell.kind === 'text' ? quote(cell.bytes.subarray(0, -1)) : names.get(cell)
      return offset === 0 && length === cell.bytes.length
        ? `${name}`
        : `${name}[${offset}+${length}]`
    }
    default:
      return arg satisfies never
  }
}

function dumpCall({ code, nr, call }: Op): string {
  const words = JSON.stringify(call)
  if (code !== 'SYSCALL') return call === code.toLowerCase() ? code : `${code} ${words}`
  return Object.hasOwn(calls, call) && calls[call] === nr ? call : `call ${nr} ${words}`
}

function dumpOp(op: Op, names: ReadonlyMap<Cell, string>): string {
  const out = op.out === undefined ? '' : `s${op.out} = `
  const args = op.args.map((arg) => dumpArg(arg, names)).join(', ')
  const ignore = op.ignore.map((value) => errnoNames.get(value) ?? String(value)).join(',')
  return [
    `  ${out}${dumpCall(op)}(${args})`,
    ignore === '' ? '' : ` ignore ${ignore}`,
    op.whole === undefined ? '' : ` whole ${op.whole}`,
  ].join('')
}

/** The text of a plan, ended by a newline. */
export function dump(plan: Plan): string {
  const names = new Map<Cell, string>()
  for (const { args } of plan.programs.flatMap(({ ops }) => ops)) {
    for (const arg of args) {
      if (arg.kind !== 'data' || arg.cell.kind !== 'bytes' || names.has(arg.cell)) continue
      names.set(arg.cell, `c${names.size}`)
    }
  }
  const lines = [`plan ${PLAN_VERSION} slots ${plan.slotCount}`]
  for (const [cell, name] of names) lines.push('', ...dumpCell(name, cell))
  for (const { role, ops } of plan.programs) {
    lines.push('', `program ${role}`)
    let last: Op | undefined
    for (const op of ops) {
      if (op.step !== last?.step || op.phrase !== last.phrase) {
        lines.push(`  step ${op.step} ${JSON.stringify(op.phrase)}`)
      }
      lines.push(dumpOp(op, names))
      last = op
    }
  }
  return `${lines.join('\n')}\n`
}
