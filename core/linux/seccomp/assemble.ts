/**
 * Assembler for classic BPF. A program is a decision tree of {@link Node}s; equal branches share
 * one node object. Pure.
 *
 * Code is made from the end to the start, so every target is known when a jump to it is made. A
 * conditional jump reaches 255 instructions; a farther target gets a long jump (or, if it is a mere
 * return, a copy of it) right behind the test.
 *
 * @module
 */
import * as k from '../constants.ts'
import { sockFilter } from '../structs.ts'

/** What to do next. `A` is the accumulator. */
export type Node =
  /** Ends with a verdict (SECCOMP_RET_*). */
  | { readonly kind: 'return'; readonly value: number }
  /** A = 32-bit word at `offset` of struct seccomp_data. */
  | { readonly kind: 'load'; readonly offset: number; readonly next: Node }
  /** A &= mask. */
  | { readonly kind: 'and'; readonly mask: number; readonly next: Node }
  /** Compares A, unsigned; `bits` asks whether A & value is not 0. */
  | {
    readonly kind: 'test'
    readonly test: 'equal' | 'greater' | 'at-least' | 'bits'
    readonly value: number
    readonly yes: Node
    readonly no: Node
  }

interface Instruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

const LOAD = k.BPF_LD | k.BPF_W | k.BPF_ABS
const AND = k.BPF_ALU | k.BPF_AND | k.BPF_K
const GOTO = k.BPF_JMP | k.BPF_JA
const RETURN = k.BPF_RET | k.BPF_K
const tests = {
  equal: k.BPF_JMP | k.BPF_JEQ | k.BPF_K,
  greater: k.BPF_JMP | k.BPF_JGT | k.BPF_K,
  'at-least': k.BPF_JMP | k.BPF_JGE | k.BPF_K,
  bits: k.BPF_JMP | k.BPF_JSET | k.BPF_K,
} as const

/** Longest way of a conditional jump. */
const REACH = 255

/**
 * Makes the bytes of `struct sock_filter[]` from a tree. Pure.
 *
 * @throws {RangeError} when the program is longer than the kernel takes (4,096 instructions)
 */
export function assemble(root: Node): Uint8Array<ArrayBuffer> {
  // Reversed: out[0] is the last instruction. A position is an index in `out`.
  const out: Instruction[] = []
  const places = new Map<Node, number>()

  const push = (code: number, value: number, jt = 0, jf = 0) => {
    out.push({ code, jt, jf, k: value >>> 0 })
    return out.length - 1
  }
  /** Position of the node's code, made now unless it exists. */
  const place = (node: Node): number => {
    const known = places.get(node)
    if (known !== undefined) return known
    const position = emit(node)
    places.set(node, position)
    return position
  }
  /** Makes the node directly follow what is pushed next. */
  const follow = (node: Node) => {
    if (place(node) === out.length - 1) return
    if (node.kind === 'return') push(RETURN, node.value)
    else push(GOTO, out.length - 1 - place(node))
  }
  /**
   * A position of the node's code (or of a way there) that a test pushed after `more` others
   * reaches.
   */
  const near = (node: Node, more: number) => {
    if (out.length - 1 - place(node) + more > REACH) follow(node)
    else return place(node)
    const position = out.length - 1
    if (node.kind === 'return') places.set(node, position)
    return position
  }
  const emit = (node: Node): number => {
    switch (node.kind) {
      case 'return':
        return push(RETURN, node.value)
      case 'load':
        follow(node.next)
        return push(LOAD, node.offset)
      case 'and':
        follow(node.next)
        return push(AND, node.mask)
      case 'test': {
        place(node.no)
        place(node.yes)
        const no = near(node.no, 1)
        const yes = near(node.yes, 0)
        const at = out.length
        return push(tests[node.test], node.value, at - yes - 1, at - no - 1)
      }
      default:
        return node satisfies never
    }
  }

  // The kernel starts at the first instruction: the root must come out last.
  if (place(root) !== out.length - 1) throw new Error('the root of a filter is used inside it')
  if (out.length > k.BPF_MAXINSNS) {
    throw new RangeError(
      `a filter of ${out.length} instructions; the kernel takes ${k.BPF_MAXINSNS}`,
    )
  }
  const bytes = new Uint8Array(out.length * sockFilter.size)
  out.reverse().forEach((instruction, index) =>
    bytes.set(sockFilter.encode({ ...instruction }), index * sockFilter.size)
  )
  return bytes
}
