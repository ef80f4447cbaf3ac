/**
 * Conditions on arguments as decision trees of classic BPF. Pure.
 *
 * @module
 */
import { seccompData } from '../structs.ts'
import type { Node } from './assemble.ts'
import { search, segmentsOf } from './search.ts'
import type { ArgumentIndex, Condition } from './types.ts'

interface Branches {
  readonly yes: Node
  readonly no: Node
}

const WORD = 0xffffffffn
const low = (value: bigint) => Number(value & WORD)
const high = (value: bigint) => Number((value >> 32n) & WORD)

function load(index: ArgumentIndex, part: 'low' | 'high', next: Node): Node {
  const { offset } = seccompData.at(`args[${index}]`)
  return { kind: 'load', offset: offset + (part === 'high' ? 4 : 0), next }
}

function test(kind: 'equal' | 'greater' | 'at-least', value: number, branches: Branches): Node {
  return { kind: 'test', test: kind, value, ...branches }
}

/** Argument > value or >= value, by words: the high one decides unless it is equal. */
function order(
  kind: 'greater' | 'at-least',
  { index, value }: { readonly index: ArgumentIndex; readonly value: bigint },
  { yes, no }: Branches,
): Node {
  const lower = load(index, 'low', test(kind, low(value), { yes, no }))
  const same = test('equal', high(value), { yes: lower, no })
  return load(index, 'high', test('greater', high(value), { yes, no: same }))
}

/** (argument & mask) == value, by words; a word whose mask is 0 is not even loaded. */
function masked(
  condition: { readonly index: ArgumentIndex; readonly mask: bigint; readonly value: bigint },
  { yes, no }: Branches,
): Node {
  const { index, mask, value } = condition
  if ((value & ~mask) !== 0n) return no
  const word = (part: 'low' | 'high', match: Node): Node => {
    const half = part === 'low' ? low : high
    if (half(mask) === 0) return match
    const compare = test('equal', half(value), { yes: match, no })
    const all = half(mask) === 0xffffffff
    return load(index, part, all ? compare : { kind: 'and', mask: half(mask), next: compare })
  }
  return word('high', word('low', yes))
}

/** The tree of one condition. Pure. */
export function conditionTree(condition: Condition, { yes, no }: Branches): Node {
  switch (condition.test) {
    case 'equal':
      return masked({ ...condition, mask: (1n << 64n) - 1n }, { yes, no })
    case 'not-equal':
      return masked({ ...condition, mask: (1n << 64n) - 1n }, { yes: no, no: yes })
    case 'masked-equal':
      return masked(condition, { yes, no })
    case 'greater':
    case 'at-least':
      return order(condition.test, condition, { yes, no })
    case 'at-most':
      return order('greater', condition, { yes: no, no: yes })
    case 'less':
      return order('at-least', condition, { yes: no, no: yes })
    case 'in':
    case 'not-in': {
      const [match, rest] = condition.test === 'in' ? [yes, no] : [no, yes]
      const entries = new Map(condition.values.map((value) => [value >>> 0, match]))
      return load(condition.index, 'low', search(segmentsOf(entries, rest)))
    }
    default:
      return condition satisfies never
  }
}
