/**
 * Decision trees of classic BPF over the accumulator: ranges of numbers as a balanced binary
 * search. Pure.
 *
 * @module
 */
import type { Node } from './assemble.ts'

/** What to do with the numbers from `from` up to the next segment. */
export interface Segment {
  readonly from: number
  readonly node: Node
}

/** Verdict nodes, one object for each value, so that the assembler shares them. */
export interface Verdicts {
  (value: number): Node
}

/** Makes a fresh set of verdict nodes. */
export function verdicts(): Verdicts {
  const made = new Map<number, Node>()
  return (value) => {
    const node = made.get(value) ?? { kind: 'return', value }
    made.set(value, node)
    return node
  }
}

/**
 * Joins neighbours that do the same. Pure.
 *
 * @param entries number → node; numbers that are absent get `rest`
 */
export function segmentsOf(entries: ReadonlyMap<number, Node>, rest: Node): Segment[] {
  const segments: Segment[] = [{ from: 0, node: rest }]
  const add = (from: number, node: Node) => {
    const last = segments.at(-1)
    if (last?.from === from) segments.pop()
    if (segments.at(-1)?.node !== node) segments.push({ from, node })
  }
  for (const [number, node] of [...entries].sort(([a], [b]) => a - b)) {
    add(number, node)
    if (number < 0xffffffff) add(number + 1, rest)
  }
  return segments
}

/**
 * Balanced search for A among segments, sorted by `from`, the first from 0. Pure.
 *
 * @throws {RangeError} when there is no segment
 */
export function search(segments: readonly Segment[]): Node {
  const [first] = segments
  if (first === undefined) throw new RangeError('nothing to search')
  if (segments.length === 1) return first.node
  const middle = segments.length >> 1
  const lower = segments.slice(0, middle)
  const upper = segments.slice(middle)
  return {
    kind: 'test',
    test: 'at-least',
    value: upper[0]?.from ?? 0,
    yes: search(upper),
    no: search(lower),
  }
}
