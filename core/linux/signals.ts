/**
 * Signals (x86-64 and aarch64 have the same). A test compares them with the kernel headers. Pure.
 *
 * @module
 */

/** Number of each signal. The kernel's SIGRTMIN is 32, of which glibc keeps two: see {@link parseSignal}. */
export const signal = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const

/** Name of a signal. */
export type SignalName = keyof typeof signal

/** SIGRTMIN as programs see it: glibc and musl keep 32 to 34 or 32 and 33 to themselves. */
export const SIGRTMIN = 34
/** The highest signal. */
export const SIGRTMAX = 64

const numbers = new Map<string, number>(Object.entries(signal))
const names = new Map<number, string>(Object.entries(signal).map(([name, n]) => [n, name]))

/**
 * Number of a signal from `SIGTERM`, `term`, `RTMIN+3`, `RTMAX-1` or `15`; `undefined` when there is
 * none of that name. Pure.
 */
export function parseSignal(word: string): number | undefined {
  if (/^[0-9]{1,2}$/.test(word)) return inRange(Number(word), 1)
  const name = word.toUpperCase().replace(/^SIG/, '')
  const realTime = /^RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?$/.exec(name)
  if (realTime !== null) {
    const base = realTime[1] === 'MIN' ? SIGRTMIN : SIGRTMAX
    const distance = Number(realTime[3] ?? 0) * (realTime[2] === '-' ? -1 : 1)
    return inRange(base + distance, SIGRTMIN)
  }
  return numbers.get(`SIG${name}`)
}

/** Name of signal `n`: `SIGTERM`, `SIGRTMIN+3`, or `signal N`. Pure. */
export function signalName(n: number): string {
  if (n === SIGRTMIN) return 'SIGRTMIN'
  if (n > SIGRTMIN && n <= SIGRTMAX) return `SIGRTMIN+${n - SIGRTMIN}`
  return names.get(n) ?? `signal ${n}`
}

function inRange(n: number, least: number): number | undefined {
  return n >= least && n <= SIGRTMAX ? n : undefined
}
