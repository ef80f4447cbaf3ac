/**
 * Numbers with units, as people write them in guest.yaml and on the command line. Pure.
 *
 * @module
 */

export type Unit = 'size' | 'count' | 'time' | 'rate'

interface UnitRule {
  /** Suffix to factor; the empty suffix only where a bare number has a meaning. */
  readonly factors: Readonly<Record<string, number>>
  /** How to write it, for messages: "expected …". */
  readonly expected: string
}

const rules: Readonly<Record<Unit, UnitRule>> = {
  size: {
    factors: { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 },
    expected: 'a size such as 512M or 4G (K, M, G, T: powers of 1,024 bytes)',
  },
  count: {
    factors: { '': 1, k: 1e3, M: 1e6 },
    expected: 'a count such as 512 or 200k (k, M: powers of 1,000)',
  },
  time: {
    factors: { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 },
    expected: 'a time such as 500ms or 10s (ms, s, m, h, d)',
  },
  rate: {
    factors: { 'bit/s': 1, 'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9 },
    expected: 'a bit rate such as 100Mbit/s (bit/s, kbit/s, Mbit/s, Gbit/s: powers of 1,000)',
  },
}

/** What a value of this unit looks like, for messages. */
export function unitExpected(unit: Unit): string {
  return rules[unit].expected
}

/** The pattern that {@link parseUnit} accepts, for JSON Schema. Anchored. */
export function unitPattern(unit: Unit): string {
  const suffixes = Object.keys(rules[unit].factors).filter((suffix) => suffix !== '')
  const optional = '' in rules[unit].factors ? '?' : ''
  return `^\\d+(\\.\\d+)?(${suffixes.join('|')})${optional}$`
}

/**
 * Parses a number with its unit into the base unit: bytes, items, milliseconds, bits per second.
 *
 * A bare number is an error where a unit is needed. A fraction is allowed where the result is whole:
 * `1.5G` is, `0.5` items are not.
 *
 * @throws {RangeError} whose message says what was expected
 */
export function parseUnit(unit: Unit, written: unknown): number {
  const { factors, expected } = rules[unit]
  const given = typeof written === 'number' ? String(written) : written
  const refuse = () => new RangeError(`expected ${expected}, not ${JSON.stringify(written)}`)
  if (typeof given !== 'string') throw refuse()
  const match = /^(\d+(?:\.\d+)?)([A-Za-z/]*)$/.exec(given)
  if (match === null) throw refuse()
  const [, digits = '', suffix = ''] = match
  const factor = Object.hasOwn(factors, suffix) ? factors[suffix] : undefined
  if (factor === undefined) throw refuse()
  const value = Number(digits) * factor
  const rounded = unit === 'size' ? Math.floor(value) : value
  if (!Number.isSafeInteger(rounded)) throw refuse()
  return rounded
}

/** Milliseconds as a person would write them: `10s`, `1m`, `1500ms`. The inverse of parsing. */
export function formatTime(ms: number): string {
  const { factors } = rules.time
  for (const suffix of ['d', 'h', 'm', 's']) {
    const factor = factors[suffix] ?? 1
    if (ms !== 0 && ms % factor === 0) return `${ms / factor}${suffix}`
  }
  return `${ms}ms`
}
