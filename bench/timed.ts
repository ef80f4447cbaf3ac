/**
 * One run of a command that is too long for the timer: its time, its processor time and its memory.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'

export interface Timed {
  readonly ns: number
  /** The most that one of its processes had in memory, in MiB; NaN where nothing measures it. */
  readonly memory: number
  /** Seconds on a processor, of all its processes. */
  readonly cpuSeconds: number
  /** What it printed. */
  readonly output: string
}

/** @throws {Error} when it ends with another code than 0 */
export function timed(argv: readonly string[]): Timed {
  const measured = existsSync('/usr/bin/time')
  const [program = '', ...args] = measured
    ? ['/usr/bin/time', '-f', '%M %U %S', ...argv]
    : [...argv]
  const started = process.hrtime.bigint()
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  })
  const ns = Number(process.hrtime.bigint() - started)
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`)
  const last = measured ? stderr.trim().split('\n').at(-1) ?? '' : ''
  const [kibibytes = NaN, user = NaN, system = NaN] = last.split(' ').map(Number)
  return { ns, memory: kibibytes / 1024, cpuSeconds: user + system, output: stdout }
}
