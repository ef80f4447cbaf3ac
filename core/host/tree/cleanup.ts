/**
 * Empties the destination after a failed or interrupted writing.
 *
 * @module
 */
import { errors } from '../../errors.ts'
import { text } from '../../plan/program.ts'
import type { Session } from '../../plan/session.ts'
import type { TreeDeed } from './failure.ts'
import { type ByteString, toBytes } from './names.ts'
import { root, treePlan } from './slots.ts'

const NAMES_A_PLAN = 4096

/**
 * Removes `names` below the ROOT slot, and closes that descriptor and all that were opened after it: a
 * plan that failed in the middle does not say which of them are open.
 *
 * @throws {VServerError} E_OP when something stays behind; its cause is the failure before
 */
export async function cleanUp(
  session: Session,
  { names, deed, cause }: { names: readonly ByteString[]; deed: TreeDeed; cause: unknown },
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
    program.call('close_range', [root, 0xffffffff, 0])
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
