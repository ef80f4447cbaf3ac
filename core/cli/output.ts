/**
 * Where verbs print: results on stdout, progress and notes on stderr.
 *
 * @module
 */
import { writeSync } from 'node:fs'
import process from 'node:process'
import type { Progress } from '../plugin/types.ts'

export interface Output {
  /** A result, with its own line ends. */
  print(text: string): void
  /** A line for a person, on stderr; nothing with --quiet. */
  note(line: string): void
  /** Shown as one changing line on a terminal, as plain lines elsewhere, not at all with --quiet. */
  progress(event: Progress): void
  /** Ends the changing line, so that the next output starts on a line of its own. */
  endProgress(): void
}

/** Nobody reads the results any more. */
export class BrokenPipe extends Error {
  override readonly name = 'BrokenPipe'
}

/** Writes all of a text, also where the other side is slow: pipes may be non-blocking. */
export function writeAll(fd: number, text: string | Uint8Array): void {
  let rest: Uint8Array = typeof text === 'string' ? Buffer.from(text) : text
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'EPIPE' && fd === 1) throw new BrokenPipe()
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

/**
 * Whether a descriptor is a terminal. Not `process.stderr.isTTY`, which would make the descriptor
 * non-blocking for programs run from here; and `node:tty` is loaded late, for it takes 2 ms.
 */
export function isTerminal(fd: number): boolean {
  return process.getBuiltinModule('node:tty').isatty(fd)
}

/** Results go to standard output, progress and notes to standard error. */
export function makeOutput({ quiet }: { quiet: boolean }): Output {
  let terminal: boolean | undefined
  let shown = ''
  let phase = ''
  let shownAt = 0
  const endProgress = () => {
    if (shown !== '') writeAll(2, '\r\x1b[K')
    shown = ''
  }
  return {
    endProgress,
    print(text) {
      endProgress()
      writeAll(1, text)
    },
    note(line) {
      endProgress()
      if (!quiet) writeAll(2, `vserver: ${line}\n`)
    },
    progress(event) {
      if (quiet) return
      // Asked for no sooner: most verbs show none, and node:tty takes its time to load.
      terminal ??= isTerminal(2)
      if (!terminal) {
        if (event.phase !== phase) writeAll(2, `vserver: ${event.phase}\n`)
        phase = event.phase
        return
      }
      const now = Date.now()
      if (event.phase === phase && now - shownAt < 100) return
      phase = event.phase
      shownAt = now
      shown = progressLine(event, process.stderr.columns || 80)
      writeAll(2, `\r\x1b[K${shown}`)
    },
  }
}

/** `unpack 1,234 of 5,678 files (21 %)`, cut to the terminal's width. Pure. */
export function progressLine(event: Progress, columns: number): string {
  const { phase, done, total, unit = 'files', perSecond } = event
  const amount = (value: number) =>
    unit === 'bytes'
      ? `${(value / 2 ** 20).toFixed(1)} MiB`
      : value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 })
  const things = unit === 'bytes' ? '' : ` ${unit}`
  let line = phase
  if (done !== undefined && total !== undefined && total > 0) {
    const percent = Math.floor((done / total) * 100)
    line += ` ${amount(done)} of ${amount(total)}${things} (${percent} %)`
  } else if (done !== undefined) {
    line += ` ${amount(done)}${things}`
  }
  if (perSecond !== undefined && perSecond > 0) {
    line += `, ${amount(perSecond)}/s`
    if (done !== undefined && total !== undefined) {
      line += `, ${Math.ceil(Math.max(0, total - done) / perSecond)} s left`
    }
  }
  return line.slice(0, Math.max(1, columns - 1))
}
