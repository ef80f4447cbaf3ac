/**
 * Finds the words of an op in an encoded plan, without decoding the rest. Pure.
 *
 * @module
 */
import { layout } from './abi.ts'
import { offsetOf, size } from './layout.ts'
import { decodeUtf8 } from '../linux/text.ts'

/** The words of an op and the step that it came from. */
export interface PhraseAt {
  readonly phrase: string
  readonly call: string
  readonly step: number
}

/**
 * Reads the NUL-terminated text at an offset.
 *
 * @throws {RangeError} when it does not end
 */
export function textAt(bytes: Uint8Array, offset: number): { text: string; next: number } {
  const end = bytes.indexOf(0, offset)
  if (offset > bytes.length || end < 0) throw new RangeError(`no text at offset ${offset}`)
  return { text: decodeUtf8(bytes.subarray(offset, end)), next: end + 1 }
}

/**
 * The words of op `op` of the program with this role number; undefined when the plan has none.
 *
 * @throws {RangeError} when the plan is damaged
 */
export function phraseAt(plan: Uint8Array, at: { role: number; op: number }): PhraseAt | undefined {
  const view = new DataView(plan.buffer, plan.byteOffset, plan.byteLength)
  const word = (offset: number) => view.getUint32(offset, true)
  const programs = word(offsetOf(layout.header, 'program_count'))
  const firstOp = size.HEADER + programs * size.PROGRAM
  const data = firstOp + word(offsetOf(layout.header, 'op_count')) * size.OP
  for (let i = 0; i < programs; i++) {
    const program = size.HEADER + i * size.PROGRAM
    if (word(program + offsetOf(layout.program, 'role')) !== at.role) continue
    if (at.op >= word(program + offsetOf(layout.program, 'count'))) return undefined
    const index = word(program + offsetOf(layout.program, 'first')) + at.op
    const op = firstOp + index * size.OP
    const phrase = textAt(plan, data + word(op + offsetOf(layout.op, 'phrase')))
    const call = textAt(plan, phrase.next)
    const step = word(op + offsetOf(layout.op, 'step'))
    return { phrase: phrase.text, call: call.text, step }
  }
  return undefined
}
