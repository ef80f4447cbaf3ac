/**
 * Answers of batch sessions: a frame (`layout.frame`), and after DONE the slots and the reported bytes.
 *
 * @module
 */
import { frame as frameKind, layout, magic, type Role, role } from './abi.ts'
import { OpFailure, PlanRefused, SessionLost } from './failure.ts'
import { fields, size } from './layout.ts'
import { phraseAt } from './phrase.ts'

/** What a plan gave back. */
export interface Answer {
  /** Values of all the plan's slots, unsigned; `2n ** 64n - 1n` where nothing was stored. */
  readonly slots: readonly bigint[]
  /** What REPORT ops appended. */
  readonly bytes: Uint8Array
}

export type Frame = Readonly<Record<(typeof layout.frame)[number][0], number>>

const frameFields = fields(layout.frame)
const roleNames = new Map<number, Role>(
  Object.entries(role).map(([name, value]) => [value, name as Role]),
)

/** Reads the frame at the start of `bytes`; `undefined` when there is none. Pure. */
export function readFrame(bytes: Uint8Array): Frame | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, size.FRAME)
  const entries = frameFields.map(({ name, offset }) => [name, view.getUint32(offset, true)])
  const frame = Object.fromEntries(entries) as Frame
  return frame.magic === magic.FRAME ? frame : undefined
}

/** How many bytes follow a frame. Pure. */
export function bodyBytes({ kind, slot_count, byte_count }: Frame): number {
  return kind === frameKind.DONE ? slot_count * 8 + byte_count : 0
}

/**
 * What became of a plan: its answer, or the error to throw. Pure.
 *
 * @param body what followed the frame, in a buffer of its own
 */
export function outcomeOf(
  plan: Uint8Array,
  head: Frame,
  body: Uint8Array<ArrayBuffer>,
): Answer | Error {
  switch (head.kind) {
    case frameKind.DONE: {
      const slots = [...new BigUint64Array(body.buffer, 0, head.slot_count)]
      return { slots, bytes: body.subarray(head.slot_count * 8) }
    }
    case frameKind.FAILED:
      return failureOf(plan, head)
    case frameKind.REFUSED:
      return new PlanRefused(head.error, head.op)
    default:
      return new SessionLost(`The executor sent a frame of kind ${head.kind}`)
  }
}

/** The error that a frame of kind FAILED tells of, with the words found in the plan. */
function failureOf(plan: Uint8Array, { program, op, error }: Frame): Error {
  const name = roleNames.get(program)
  const place = name && phraseAt(plan, { role: program, op })
  if (!place) return new SessionLost(`The executor names op ${op} of an unknown program ${program}`)
  return new OpFailure({ program: name, op, errno: error, ...place })
}
