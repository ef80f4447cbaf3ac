/**
 * What the lab and the agent of a machine say to one another over a serial line. Pure.
 *
 * To the machine, one line a command: `NUMBER LIMIT_S BASE64_OF_A_SHELL_SCRIPT`. From it, one line each:
 * `@ready RELEASE` when it can take commands, `@NUMBER| TEXT` for a line that the command printed (both
 * streams), `@NUMBER= CODE` when it has ended. As every line of a command's is prefixed, no command can
 * say something in the agent's name.
 *
 * @module
 */
import { Buffer } from 'node:buffer'

export type Said =
  | { readonly kind: 'ready'; readonly release: string }
  | { readonly kind: 'line'; readonly number: number; readonly text: string }
  | { readonly kind: 'end'; readonly number: number; readonly code: number }
  | { readonly kind: 'noise'; readonly text: string }

/** The line that asks for a command. */
export function request(number: number, script: string, limitS: number): string {
  return `${number} ${limitS} ${Buffer.from(script).toString('base64')}\n`
}

/** Understands one line of the machine's; what is none of ours is noise. */
export function parseLine(line: string): Said {
  const text = line.replace(/\r$/, '')
  const ready = /^@ready (\S+)$/.exec(text)
  if (ready?.[1] !== undefined) return { kind: 'ready', release: ready[1] }
  const end = /^@(\d+)= (\d+)$/.exec(text)
  if (end !== null) return { kind: 'end', number: Number(end[1]), code: Number(end[2]) }
  const said = /^@(\d+)\| (.*)$/s.exec(text)
  if (said !== null) return { kind: 'line', number: Number(said[1]), text: said[2] ?? '' }
  return { kind: 'noise', text }
}

/** Cuts a stream into lines; the text after the last newline waits for its end. */
export function lines(take: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) take(part)
  }
}
