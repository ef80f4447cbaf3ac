/**
 * Empties the destination after a failed or interrupted writing.
 *
 * @module
 */
import { errno } from '../../linux/errno.ts'
import { errors } from '../../errors.ts'
import { fromSlot, text } from '../../plan/program.ts'
import type { Session } from '../../plan/session.ts'
import type { TreeDeed } from './failure.ts'
import { type ByteString, toBytes } from './names.ts'
import { root, treePlan } from './slots.ts'

const NAMES_A_PLAN = 4096

export interface CleanUp {
  readonly names: readonly ByteString[]
  readonly slots: readonly number[]
  readonly deed: TreeDeed
  /** What made it necessary. */
  readonly cause: unknown
}

/**
 * Removes `names` below the directory in the ROOT slot, and closes what is open in `slots`, that one
 * included.
 *
 * @throws {VServerError} E_OP when something stays behind; its cause is the failure before
 */
export async function cleanUp(
  session: Session,
  { names, slots, deed, cause }: CleanUp,
): Promise<void> {
  const phrase = `remove what was made to ${deed.verb} "${deed.thing}"`
  try {
    for (let at = 0; at < names.length; at += NAMES_A_PLAN) {
      const builder = treePlan()
      const program = builder.program('MAIN')
      program.step(0, phrase)
      for (const name of names.slice(at, at + NAMES_A_PLAN)) {
        program.emit('SWEEP', [root, text(toBytes(name))])
      }
      await session.run(builder.build())
    }
    const builder = treePlan()
    const program = builder.program('MAIN')
    program.step(0, phrase)
    for (const slot of slots) program.call('close', [fromSlot(slot)], { ignore: [errno.EBADF] })
    await session.run(builder.build())
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    const before = cause instanceof Error ? cause.message : String(cause)
    throw errors.E_OP(`${before}; and then: ${detail}`, {
      hint: 'remove what is left by hand',
      cause,
    })
  }
}
