/**
 * Takes times. Commands that are compared alternate in one run, because a machine's speed changes from
 * minute to minute; a small resident C program starts them, because Node's own fork costs more than what
 * is measured.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { gunzipSync } from 'node:zlib'
import { timerProgram } from './programs.ts'

export interface Command {
  readonly name: string
  readonly argv: readonly string[]
}

export interface Figure {
  readonly name: string
  readonly medianMs: number
  readonly minMs: number
  readonly runs: number
}

/** A limit that the project has set itself: `figure / reference` must not exceed `most`. */
export interface Bar {
  readonly what: string
  readonly value: number
  readonly most: number
  readonly unit: string
}

export interface Report {
  readonly title: string
  readonly figures: readonly Figure[]
  readonly bars: readonly Bar[]
  readonly notes: readonly string[]
}

export interface RunOptions {
  readonly runs: number
  /** Rounds that are not counted; 5 unless told. */
  readonly warmup?: number
  /** Sleep before each run, in ms: what a person at a prompt sees. */
  readonly idleMs?: number
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** Summary of times in ns. Pure. */
export function summarize(name: string, ns: readonly number[]): Figure {
  const sorted = ns.toSorted((a, b) => a - b)
  return { name, medianMs: median(sorted) / 1e6, minMs: (sorted[0] ?? NaN) / 1e6, runs: ns.length }
}

let timer: string | undefined

/** Runs the commands A B C A B C … and gives a figure for each, in their order. */
export function alternate(commands: readonly Command[], options: RunOptions): Figure[] {
  timer ??= timerProgram()
  const words = commands.flatMap(({ argv }, index) => index === 0 ? [...argv] : ['---', ...argv])
  const flags = { '-n': options.runs, '-w': options.warmup ?? 5, '-i': options.idleMs ?? 0 }
  const args = [...Object.entries(flags).flat().map(String), '--', ...words]
  const text = execFileSync(timer, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  const times: unknown = JSON.parse(text)
  if (!Array.isArray(times)) throw new TypeError('the timer gave no array')
  return commands.map(({ name }, index) => summarize(name, times[index]))
}

/** Finds the figure of that name. */
export function figure(figures: readonly Figure[], name: string): Figure {
  const found = figures.find((one) => one.name === name)
  if (found === undefined) throw new RangeError(`no figure of ${name}`)
  return found
}

/** What one median has beyond another one, as a bar. */
export function beyond(figures: readonly Figure[], a: string, b: string, mostMs: number): Bar {
  const value = figure(figures, a).medianMs - figure(figures, b).medianMs
  return { what: `${a} beyond ${b}`, value, most: mostMs, unit: 'ms' }
}

/** Ratio of two medians, as a bar. */
export function ratio(figures: readonly Figure[], a: string, b: string, most: number): Bar {
  const value = figure(figures, a).medianMs / figure(figures, b).medianMs
  return { what: `${a} / ${b}`, value, most, unit: '×' }
}

function optional(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null
}

/** What figures depend on: name it with every one of them. */
export function hostFacts() {
  const config = existsSync('/proc/config.gz')
    ? gunzipSync(readFileSync('/proc/config.gz')).toString()
    : optional(`/boot/config-${release()}`) ?? ''
  return {
    kernel: release(),
    hz: /^CONFIG_HZ=(\d+)/m.exec(config)?.[1] ?? null,
    rcuExpedited: optional('/sys/kernel/rcu_expedited') ??
      optional('/proc/sys/kernel/rcu_expedited'),
    cpu: /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? null,
    cgroups: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'v2' : 'v1 or hybrid',
  }
}

/** A table for people. */
export function renderReport({ title, figures, bars, notes }: Report): string {
  const width = Math.max(
    10,
    ...figures.map(({ name }) => name.length),
    ...bars.map((b) => b.what.length),
  )
  const number = (value: number) => value.toFixed(value < 10 ? 3 : 1).padStart(9)
  const rows = figures.map(({ name, medianMs, minMs }) =>
    `  ${name.padEnd(width)} ${number(medianMs)} ${number(minMs)}`
  )
  const limits = bars.map(({ what, value, most, unit }) =>
    `  ${what.padEnd(width)} ${number(value)} ${number(most)} ${unit}${
      value <= most ? '' : '  OVER'
    }`
  )
  return [
    title,
    ...(rows.length > 0 ? [`  ${''.padEnd(width)}    median   minimum (ms)`, ...rows] : []),
    ...(limits.length > 0 ? [`  ${''.padEnd(width)}       got   at most`, ...limits] : []),
    ...notes.map((note) => `  ${note}`),
  ].join('\n')
}
