/**
 * Work that others should not notice.
 *
 * @module
 */
import { setPriority } from 'node:os'
import process from 'node:process'
import { planBuilder } from '../plan/builder.ts'
import type { Session } from '../plan/session.ts'

/** `IOPRIO_WHO_PROCESS`, and `IOPRIO_CLASS_IDLE` in its place (linux/ioprio.h). */
const WHO_PROCESS = 1
const IDLE = 3 << 13

/**
 * Lets this process and the executor have what processors and disks have left. Threads that are started
 * afterwards are like the one that starts them.
 */
export async function becomeBackground(session: Session): Promise<void> {
  setPriority(19)
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, 'work in the background')
  p.call('setpriority', [0, 0, 19])
  p.call('ioprio_set', [WHO_PROCESS, 0, IDLE])
  p.call('ioprio_set', [WHO_PROCESS, process.pid, IDLE])
  await session.run(builder.build())
}
