/**
 * Signals (x86-64 and aarch64 have the same). A test compares them with the kernel headers. Pure.
 *
 * @module
 */
import * as all from './constants/signal.ts'

/**
 * Number of each signal. The kernel's SIGRTMIN is 32, of which glibc keeps two: see {@link
 * parseSignal}.
 */
export const signal = {
  SIGHUP: all.SIGHUP,
  SIGINT: all.SIGINT,
  SIGQUIT: all.SIGQUIT,
  SIGILL: all.SIGILL,
  SIGTRAP: all.SIGTRAP,
  SIGABRT: all.SIGABRT,
  SIGBUS: all.SIGBUS,
  SIGFPE: all.SIGFPE,
  SIGKILL: all.SIGKILL,
  SIGUSR1: all.SIGUSR1,
  SIGSEGV: all.SIGSEGV,
  SIGUSR2: all.SIGUSR2,
  SIGPIPE: all.SIGPIPE,
  SIGALRM: all.SIGALRM,
  SIGTERM: all.SIGTERM,
  SIGSTKFLT: all.SIGSTKFLT,
  SIGCHLD: all.SIGCHLD,
  SIGCONT: all.SIGCONT,
  SIGSTOP: all.SIGSTOP,
  SIGTSTP: all.SIGTSTP,
  SIGTTIN: all.SIGTTIN,
  SIGTTOU: all.SIGTTOU,
  SIGURG: all.SIGURG,
  SIGXCPU: all.SIGXCPU,
  SIGXFSZ: all.SIGXFSZ,
  SIGVTALRM: all.SIGVTALRM,
  SIGPROF: all.SIGPROF,
  SIGWINCH: all.SIGWINCH,
  SIGIO: all.SIGIO,
  SIGPWR: all.SIGPWR,
  SIGSYS: all.SIGSYS,
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
 * Number of a signal from `SIGTERM`, `term`, `RTMIN+3`, `RTMAX-1` or `15`; `undefined` when there
 * is none of that name. Pure.
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
