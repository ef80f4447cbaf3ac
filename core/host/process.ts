/**
 * What /proc says of this boot and of processes.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'

/** The boot id: 32 hex digits. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', '')
}

/** Milliseconds on CLOCK_BOOTTIME, to 10 ms. */
export function bootClockMs(): number {
  const [uptime = '0'] = readFileSync('/proc/uptime', 'latin1').split(' ')
  return Math.round(Number(uptime) * 1000)
}

/**
 * Start time of a process in clock ticks since boot; `undefined` when there is none of this pid, or it
 * has ended and only waits to be reaped. Together with the boot id it tells a process from a later one
 * of the same pid.
 */
export function processStart(pid: number): bigint | undefined {
  const stat = readProc(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name, in parentheses, may hold spaces and parentheses itself: fields count after the last.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  if (state === 'Z' || state === 'X' || state === 'x') return undefined
  return BigInt(fields[19] ?? '0')
}

/** The words that a process was started with; `undefined` when there is none of this pid. */
export function processWords(pid: number): readonly string[] | undefined {
  const words = readProc(`/proc/${pid}/cmdline`, 'utf8')
  return words === undefined || words === '' ? undefined : words.slice(0, -1).split('\0')
}

/** The pids of all processes. */
export function processIds(): readonly number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
}

/** The real user id of a process; `undefined` when there is none of this pid. */
export function processUser(pid: number): number | undefined {
  const line = readProc(`/proc/${pid}/status`)?.split('\n').find((one) => one.startsWith('Uid:'))
  return line === undefined ? undefined : Number(line.split('\t')[1])
}

function readProc(path: string, encoding: 'latin1' | 'utf8' = 'latin1'): string | undefined {
  try {
    return readFileSync(path, encoding)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // ESRCH: the process ended between open and read.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw error
  }
}
