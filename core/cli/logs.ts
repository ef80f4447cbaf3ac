/**
 * `vserver logs [-f] [-n N] NAME`: what the guest wrote to its console.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'
import { isCode, readBytes } from '../guest/files.ts'
import { checkPattern } from '../guest/name.ts'
import { readGuest } from '../guest/store.ts'
import { usage } from './argv.ts'
import { escapeForTerminal } from './escape.ts'
import { writeAll } from './output.ts'
import type { Cli, VerbArgs } from './types.ts'

/** How long `-f` waits before it looks again. */
const PAUSE_MS = 100

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [name = ''] = args.positionals
  checkPattern('show the log of', name)
  const lines = lineCount(args.text('lines'))
  const { dir } = readGuest(cli.root, { name, verb: 'show the log of' })
  const path = join(dir, 'console.log')
  const show = printer({ json: cli.globals.json, terminal: isatty(1) })
  // The older file first; the position in the newer one is where -f goes on.
  const older = readBytes(`${path}.1`) ?? Buffer.alloc(0)
  const newer = readBytes(path) ?? Buffer.alloc(0)
  show(lastLines(Buffer.concat([older, newer]), lines))
  if (args.flag('follow')) await follow(path, { from: newer.length, signal: cli.signal, show })
  show(undefined)
  return cli.signal.aborted ? 130 : 0
}

function lineCount(written: string | undefined): number {
  if (written === undefined) return Infinity
  if (/^\d{1,9}$/.test(written)) return Number(written)
  throw usage({ verb: 'logs' }, `--lines takes a number, not ${JSON.stringify(written)}`)
}

/** The last lines of a text; a last line without its end counts as one. Pure. */
export function lastLines(text: Buffer, count: number): Buffer {
  if (count === Infinity) return text
  if (count === 0) return Buffer.alloc(0)
  let at = text.length - 1
  for (let found = 0; at > 0; at--) {
    if (text[at - 1] === 0x0a && ++found === count) return text.subarray(at)
  }
  return text
}

type Show = (chunk: Buffer | undefined) => void

/** Prints what it is given; `undefined` ends it. With --json one object a line. */
function printer({ json, terminal }: { json: boolean; terminal: boolean }): Show {
  let rest: Buffer = Buffer.alloc(0)
  const print = (bytes: Buffer) => {
    if (json) {
      writeAll(1, `${JSON.stringify({ line: bytes.toString('utf8').replace(/\r?\n?$/, '') })}\n`)
    } else writeAll(1, terminal ? escapeForTerminal(bytes) : bytes)
  }
  return (chunk) => {
    if (!json && !terminal) return chunk === undefined ? undefined : print(chunk)
    // Whole lines, so that no character is cut in two.
    rest = chunk === undefined ? rest : Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
      print(rest.subarray(0, end + 1))
      rest = rest.subarray(end + 1)
    }
    if (rest.length === 0 || (json && chunk !== undefined)) return
    // A prompt has no line end; it is shown at once, unless it may end within a character.
    if (chunk === undefined || (rest.at(-1) ?? 0) < 0x80) {
      print(rest)
      rest = Buffer.alloc(0)
    }
  }
}

/** Shows what is added, also when the file is put aside for a new one, until it is interrupted. */
async function follow(
  path: string,
  { from, signal, show }: { from: number; signal: AbortSignal; show: Show },
): Promise<void> {
  let fd = openOptional(path)
  let position = from
  try {
    while (!signal.aborted) {
      if (fd !== undefined) position = drain(fd, position, show)
      const current = statSync(path, { throwIfNoEntry: false })
      if (current !== undefined && (fd === undefined || fstatSync(fd).ino !== current.ino)) {
        if (fd !== undefined) {
          drain(fd, position, show)
          closeSync(fd)
        }
        fd = openOptional(path)
        position = 0
        continue
      }
      await sleep(PAUSE_MS, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function openOptional(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Reads to the end; the new position. A file that became shorter is read from its start. */
function drain(fd: number, from: number, show: Show): number {
  let position = fstatSync(fd).size < from ? 0 : from
  const buffer = Buffer.alloc(65536)
  for (;;) {
    const got = readSync(fd, buffer, 0, buffer.length, position)
    if (got === 0) return position
    show(Buffer.from(buffer.subarray(0, got)))
    position += got
  }
}
