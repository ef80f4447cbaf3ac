/**
 * The C programs of the benchmarks, compiled anew for each run.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository } from '../test/support/paths.ts'

const common = ['-std=gnu17', '-O2', '-static', '-Wall', '-Wextra', '-Werror']
const bare = [
  '-nostdlib',
  '-ffreestanding',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-fcf-protection=none',
  '-fno-tree-loop-distribute-patterns',
  '-ffunction-sections',
  '-Wl,--gc-sections,--build-id=none,-z,noexecstack',
  '-s',
]
const output = inRepository('dist/bench')
const sources = inRepository('bench/floor')

function compile(name: string, flags: readonly string[], files: readonly string[]): string {
  mkdirSync(output, { recursive: true })
  const target = join(output, name)
  execFileSync('gcc', [...common, ...flags, '-I', sources, '-o', target, ...files])
  return target
}

/** A floor: no C library. */
export function floor(name: string): string {
  return compile(name, bare, [join(sources, `${name}.c`)])
}

/** The resident spawner that takes the time. */
export function timerProgram(): string {
  return compile('timer', [], [join(sources, 'timer.c')])
}

/** The floor of a start, from generated C. The ops that are no single system call are the executor's. */
export function startFloor(code: string): string {
  mkdirSync(output, { recursive: true })
  const generated = join(output, 'floor-start.c')
  writeFileSync(generated, code)
  const parts = ['lib', 'mem', 'ops_data', 'ops_tree', 'ops_cgroup'].map((part) =>
    inRepository('core/executor', `${part}.c`)
  )
  return compile('floor-start', bare, [generated, ...parts])
}
