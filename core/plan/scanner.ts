/**
 * Reads one line of a plan's text form from left to right. Pure.
 *
 * @module
 */

export interface Scanner {
  /** Takes a text if it comes next. */
  accept(text: string): boolean
  /** Takes a text, which must come next. */
  expect(text: string): void
  /** Does this text come next? */
  peek(text: string): boolean
  /** Takes what a sticky expression matches. */
  match(expression: RegExp): RegExpExecArray | null
  /** Takes a decimal number. */
  number(): number
  /** Takes a JSON string. */
  json(): string
  /** Takes a quoted string of bytes, as `quote` in `dump.ts` writes it. */
  quotedBytes(): Uint8Array
  /** Fails unless the line is at its end. */
  end(): void
  /** The error for this place of the line. */
  error(what: string): RangeError
  /** Throws {@link error}. */
  fail(what: string): never
}

const escapes: Readonly<Record<string, number>> = { '\\"': 0x22, '\\\\': 0x5c, '\\n': 0x0a }

/** A scanner of line number `number` (from 1, for messages). All errors are RangeErrors. */
export function scanner(line: string, number: number): Scanner {
  let at = 0
  const error = (what: string) => new RangeError(`line ${number}, column ${at + 1}: ${what}`)
  const fail = (what: string): never => {
    throw error(what)
  }
  const peek = (text: string) => line.startsWith(text, at)
  const accept = (text: string) => {
    if (!peek(text)) return false
    at += text.length
    return true
  }
  const match = (expression: RegExp) => {
    expression.lastIndex = at
    const found = expression.exec(line)
    if (found) at += found[0].length
    return found
  }
  return {
    accept,
    peek,
    match,
    error,
    fail,
    expect(text) {
      if (!accept(text)) fail(`${JSON.stringify(text)} expected`)
    },
    number() {
      return Number((match(/\d+/y) ?? fail('a number expected'))[0])
    },
    json() {
      const [text] = match(/"(?:[^"\\]|\\.)*"/y) ?? fail('a string expected')
      try {
        return String(JSON.parse(text))
      } catch (cause) {
        throw new RangeError(error('not a JSON string').message, { cause })
      }
    },
    quotedBytes() {
      const [, text] = match(/"((?:[^"\\]|\\.)*)"/y) ?? fail('a string expected')
      const units = text?.match(/\\x[0-9a-f]{2}|\\.|[^]/g) ?? []
      return Uint8Array.from(units, (unit) => {
        if (unit.length === 1 && unit >= ' ' && unit <= '~') return unit.charCodeAt(0)
        if (unit.startsWith('\\x')) return Number.parseInt(unit.slice(2), 16)
        return escapes[unit] ?? fail(`${JSON.stringify(unit)} is no byte`)
      })
    },
    end() {
      if (at < line.length) fail('something left over')
    },
  }
}
