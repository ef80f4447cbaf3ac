/**
 * Turns a kept start plan into C: the same system calls with the same arguments, one after the other,
 * with nothing that interprets them. What a start costs beyond that program is ours.
 *
 *     node bench/floor/generate.ts RUNDIR OUTPUT.c
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { decodeKept } from '../../core/guest/kept.ts'
import { role, slot } from '../../core/plan/abi.ts'
import { decode } from '../../core/plan/decode.ts'
import type { Arg, Cell, Op, Plan, Program } from '../../core/plan/program.ts'

const CLONE_VM = 0x100n
const NLM_F_ACK = 4

/** Names of the C arrays that hold cells. */
interface Cells {
  readonly nameOf: (cell: Cell) => string
  readonly declarations: () => string
}

function cellNames(): Cells {
  const names = new Map<Cell, string>()
  return {
    nameOf(cell) {
      const name = names.get(cell) ?? `cell${names.size}`
      names.set(cell, name)
      return name
    },
    declarations: () =>
      [...names].map(([cell, name]) =>
        `static unsigned char ${name}[] __attribute__((aligned(8))) = { ${
          cell.bytes.length === 0 ? '0' : [...cell.bytes].join(', ')
        } };`
      ).join('\n'),
  }
}

function expression(arg: Arg, cells: Cells): string {
  switch (arg.kind) {
    case 'imm':
      return `${arg.value}ul`
    case 'slot':
      return `S[${arg.slot}]`
    case 'data':
      return `(unsigned long)(${cells.nameOf(arg.cell)} + ${arg.offset})`
    default:
      return arg satisfies never
  }
}

function dataArg(op: Op, index: number): Extract<Arg, { kind: 'data' }> {
  const arg = op.args[index]
  if (arg?.kind !== 'data') throw new TypeError(`${op.code}: argument ${index} is no data`)
  return arg
}

function immediate(op: Op, index: number): number {
  const arg = op.args[index]
  if (arg?.kind !== 'imm') throw new TypeError(`${op.code}: argument ${index} is no immediate`)
  return Number(arg.value)
}

/** How many acknowledgements the requests of a NETLINK op bring. */
function acknowledgements(op: Op): number {
  const { cell, offset, length } = dataArg(op, 1)
  const view = new DataView(cell.bytes.buffer, cell.bytes.byteOffset + offset, length)
  let acks = 0
  for (let at = 0; at + 16 <= length; at += (view.getUint32(at, true) + 3) & ~3) {
    if ((view.getUint16(at + 6, true) & NLM_F_ACK) !== 0) acks++
  }
  return acks
}

function roleName(number: number): string {
  const found = Object.entries(role).find(([, value]) => value === number)
  if (found === undefined) throw new RangeError(`no role ${number}`)
  return found[0].toLowerCase()
}

/** One C statement or block; its value, where it has one, is left in `r`. */
function statement(op: Op, cells: Cells): string {
  const args = op.args.map((arg) => expression(arg, cells))
  const words = (count: number) =>
    Array.from({ length: count }, (_, i) => args[i] ?? '0').join(', ')
  switch (op.code) {
    case 'SYSCALL':
      return `r = bare_call(${op.nr}, ${words(6)})`
    case 'PUT': {
      const { length } = dataArg(op, 0)
      return `{ unsigned long v = ${args[1]}; __builtin_memcpy((void *)${
        args[0]
      }, &v, ${length}); r = 0; }`
    }
    case 'LOAD': {
      const { length } = dataArg(op, 0)
      return `{ unsigned long v = 0; __builtin_memcpy(&v, (void *)${
        args[0]
      }, ${length}); r = (long)v; }`
    }
    case 'DECIMAL':
      return `r = vs_op_decimal((void *)${args[0]}, ${dataArg(op, 0).length}, ${args[1]})`
    case 'CLOCK':
      return `r = vs_op_clock((void *)${args[0]}, ${dataArg(op, 0).length})`
    case 'CLONE': {
      const { cell, offset } = dataArg(op, 0)
      const flags = new DataView(cell.bytes.buffer, cell.bytes.byteOffset + offset, 8)
      const child = roleName(immediate(op, 1))
      return (flags.getBigUint64(0, true) & CLONE_VM) === 0n
        ? `{ r = bare_call(__NR_clone3, (long)${args[0]}, 88, 0, 0, 0, 0); if (!r) ${child}(0); }`
        : `r = floor_vfork((void *)${args[0]}, ${child}, 0)`
    }
    case 'OPEN':
      return `r = floor_open(&G[${immediate(op, 0)}])`
    case 'WAIT':
      return `r = floor_wait(&G[${immediate(op, 0)}])`
    case 'NETLINK': {
      const { length } = dataArg(op, 1)
      return `r = floor_netlink(${args[0]}, (void *)${args[1]}, ${length}, ${acknowledgements(op)})`
    }
    case 'REAP':
      return `{ int s = 0; r = bare_call(__NR_wait4, ${
        args[0]
      }, (long)&s, 0x40000000, 0, 0, 0); r = r < 0 ? r : s; }`
    case 'PRUNE':
      return `r = vs_op_prune((int)${args[0]}, (void *)${args[1]})`
    case 'SWEEP':
      return `r = vs_op_sweep((int)${args[0]}, (void *)${args[1]})`
    case 'EXEC':
    case 'REPORT':
    case 'SERVE':
    case 'LIST':
    case 'COMPARE':
    case 'RELINK':
      throw new RangeError(`a start plan holds no ${op.code}`)
    default:
      return op.code satisfies never
  }
}

/** The function of one program. A child's program ends its process. */
function programText(program: Program, cells: Cells): string {
  const name = program.role.toLowerCase()
  const lines = program.ops.flatMap((op) => {
    const text = statement(op, cells)
    const code = text.endsWith('}') ? text : `${text};`
    const [first = 0, second = 0] = op.ignore
    const check = op.code === 'LOAD' ? '' : ` r = floor_check(r, ${first}, ${second}, __LINE__);`
    const keep = op.out === undefined ? '' : ` S[${op.out}] = (unsigned long)r;`
    return [`\t/* ${op.phrase.replaceAll('*/', '* /')}: ${op.call} */`, `\t${code}${check}${keep}`]
  })
  const ends = name === 'guest' || name === 'helper'
  return [
    `static void ${name}(void *unused)`,
    '{',
    '\tlong r = 0;',
    '',
    '\t(void)unused;',
    ...lines,
    ends ? '\tfloor_exit(0);' : '\t(void)r;',
    '}',
  ].join('\n')
}

/**
 * The whole program. Its main does what a supervisor cannot do without: opens the directory, runs HOST,
 * waits for init, lets go of the guest's descriptors, takes its own ids again, and runs TEARDOWN.
 */
export function generate(plan: Plan, runDirectory: string): string {
  const cells = cellNames()
  const order = ['HELPER', 'GUEST', 'HOST', 'TEARDOWN']
  const programs = order.flatMap((name) => plan.programs.filter(({ role }) => role === name))
  const functions = programs.map((program) => programText(program, cells)).join('\n\n')
  const closes = [slot.INIT_PIDFD, slot.CONSOLE, slot.CONSOLE_PEER, slot.NOTIFY, slot.DEVPTS]
  return `// Generated by bench/floor/generate.ts from a start plan. Do not edit.
#include "start.h"

${cells.declarations()}

${functions}

int bare_main(char **argv)
{
	int status = 0;

	(void)argv;
	floor_share();
	S[${slot.RUN_DIR}] = (unsigned long)CALL(openat, AT_FDCWD, ${
    JSON.stringify(runDirectory)
  }, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	host(0);
	CALL(setresuid, -1, 0, 0, 0, 0, 0);
	CALL(setresgid, -1, 0, 0, 0, 0, 0);
	CALL(wait4, S[${slot.INIT_PID}], &status, 0x40000000, 0, 0, 0);
${
    closes.map((number) =>
      `	if (S[${number}] != ~0ul) bare_call(__NR_close, (long)S[${number}], 0, 0, 0, 0, 0);`
    ).join('\n')
  }
	for (int i = 0; i < 64; i++)
		if (i != ${slot.RUN_DIR})
			S[i] = ~0ul;
	teardown(0);
	return status >> 8 & 255;
}
`
}

if (import.meta.main) {
  const [runDirectory = '', output = ''] = process.argv.slice(2)
  const { plan } = decodeKept(readFileSync(join(runDirectory, 'start.kept')))
  writeFileSync(output, generate(decode(plan), runDirectory))
}
