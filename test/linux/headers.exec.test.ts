/**
 * Compares every constant and every structure with the kernel's headers (and, for what the kernel
 * does not publish, the C library's): a C program is made of them, compiled and run.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from '../support/suite.ts'
import * as assert from 'uvu/assert'
import { capability } from '../../core/linux/capabilities.ts'
import { errno } from '../../core/linux/errno.ts'
import { signal } from '../../core/linux/signals.ts'
import { syscall } from '../../core/linux/syscalls.ts'
import { syscallArm64 } from '../../core/linux/syscalls_arm64.ts'
import { themes } from './headers/themes.ts'
import { newer } from './headers/newer.ts'
import { structures } from './headers/structures.ts'

const test = suite('constants and structures', { needs: ['gcc', 'kernel-headers'] })

/** Compiles C and gives back the lines that it prints when run. */
function runC(source: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-headers-'))
  try {
    const file = join(directory, 'print.c')
    writeFileSync(file, source)
    const compiled = spawnSync('gcc', ['-w', '-o', join(directory, 'print'), file], {
      encoding: 'utf8',
    })
    assert.is(compiled.status, 0, compiled.stderr)
    const ran = spawnSync(join(directory, 'print'), { encoding: 'utf8', maxBuffer: 1 << 24 })
    assert.is(ran.status, 0, ran.stderr)
    return ran.stdout.split('\n').filter((line) => line !== '')
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** A C program that prints `NAME VALUE` for each expression, newer ones if the headers have them. */
function printer(headers: readonly string[], expressions: Iterable<string>): string {
  const prints = [...expressions].map((name) => {
    const print = `  printf("%s %lld\\n", "${name}", (long long)(${name}));`
    return Object.hasOwn(newer, name) ? `#ifdef ${name}\n${print}\n#endif` : print
  })
  const includes = headers.map((header) => header.startsWith('#') ? header : `#include <${header}>`)
  return [
    '#define _GNU_SOURCE',
    ...includes,
    'int printf(const char *, ...);',
    'int main(void)\n{',
    ...prints,
    '  return 0;\n}',
  ].join('\n')
}

/** Differences between our numbers and what the headers say. */
function compare(
  ours: Readonly<Record<string, number | bigint>>,
  headers: readonly string[],
): string[] {
  const names = Object.keys(ours)
  const found = new Map(
    runC(printer(headers, names)).map((line): [string, bigint] => {
      const [name = '', value = ''] = line.split(' ')
      return [name, BigInt(value)]
    }),
  )
  return names.flatMap((name) => {
    const theirs = found.get(name)
    if (theirs === undefined && Object.hasOwn(newer, name)) return []
    const mine = BigInt(ours[name] ?? -1)
    // C prints what is unsigned int or int as it likes: compare the low 64 bits, or the low 32.
    const same = theirs !== undefined &&
      (BigInt.asUintN(64, theirs) === BigInt.asUintN(64, mine) ||
        (BigInt.asUintN(32, theirs) === mine && theirs < 0n && theirs >= -(1n << 31n)))
    return same ? [] : [`${name}: ours ${mine}, the headers' ${theirs ?? 'nothing'}`]
  })
}

for (const theme of themes) {
  test(`constants/${theme.name} equals the headers`, () => {
    assert.equal(compare(theme.constants, theme.headers), [])
  })
}

test('errors, signals and capabilities equal the headers', () => {
  assert.equal(compare(errno, ['linux/errno.h']), [])
  assert.equal(compare(signal, ['linux/signal.h']), [])
  assert.equal(compare(capability, ['linux/capability.h']), [])
})

const prefixed = (table: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(table).map(([name, number]) => [`__NR_${name}`, number]))

test('system call numbers of x86-64 equal the headers', () => {
  assert.equal(compare(prefixed(syscall), ['asm/unistd_64.h']), [])
})

test('system call numbers of aarch64 equal the headers', () => {
  const asArm = [
    '#define __ARCH_WANT_RENAMEAT',
    '#define __ARCH_WANT_NEW_STAT',
    '#define __ARCH_WANT_SET_GET_RLIMIT',
    '#define __ARCH_WANT_SYS_CLONE3',
    '#define __ARCH_WANT_MEMFD_SECRET',
    'asm-generic/unistd.h',
  ]
  assert.equal(compare(prefixed(syscallArm64), asArm), [])
})

test('no system call of the x86-64 headers is missing, up to our newest', () => {
  const macros = spawnSync('gcc', ['-E', '-dM', '-'], {
    input: '#include <asm/unistd_64.h>\n',
    encoding: 'utf8',
  })
  const newest = Math.max(...Object.values(syscall))
  const names = [...macros.stdout.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].flatMap(
    ([, name = '', number]) => Number(number) <= newest ? [name] : [],
  )
  assert.ok(names.length > 300)
  assert.equal(names.filter((name) => !Object.hasOwn(syscall, name)), [])
})

test('what is listed as newer than the headers is one of ours', () => {
  const ours = new Set([
    ...themes.flatMap((theme) => Object.keys(theme.constants)),
    ...Object.keys(prefixed(syscall)),
    ...structures.map(({ layout }) => layout.type),
  ])
  assert.equal(Object.keys(newer).filter((name) => !ours.has(name)), [])
})

for (const { layout, headers, beginning } of structures) {
  if (Object.hasOwn(newer, layout.type)) continue
  test(`${layout.type} (${layout.fields[0]}…) is laid out as in the headers`, () => {
    const bracketed = (field: string) => `__builtin_offsetof(${layout.type}, ${field})`
    const ours = Object.fromEntries([
      ...beginning ? [] : [[`sizeof(${layout.type})`, layout.size] as const],
      ...layout.fields.flatMap((field): [string, number][] => [
        [bracketed(field), layout.at(field).offset],
        [`sizeof(((${layout.type} *)0)->${field})`, layout.at(field).width],
      ]),
    ])
    const lines = runC(
      printer(headers, Object.keys(ours)).replaceAll('printf("%s %lld', 'printf("%s=%lld'),
    )
    const found = Object.fromEntries(lines.map((line) => {
      const cut = line.lastIndexOf('=')
      return [line.slice(0, cut), Number(line.slice(cut + 1))]
    }))
    assert.equal(found, ours)
  })
}

test.run()
