/**
 * Runs one command in a tree that is being made, isolated as guests are.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { prepareCgroups } from '../cgroup/prepare.ts'
import {
  planKill,
  planLook,
  planReap,
  planTreeCleanup,
  planTreeRun,
  readLook,
} from '../context/configure.ts'
import { type Executor, withSession } from '../host/executor.ts'
import { probeFacts } from '../host/facts.ts'
import { ID_COUNT, type IdBounds } from '../host/ids.ts'
import type { Root } from '../host/root.ts'
import type { Session } from '../plan/session.ts'
import type { TreeCommand, TreeOutcome } from '../plugin/types.ts'

export interface TreeHost {
  readonly executor: Executor
  readonly root: Root
  readonly bounds: IdBounds
  readonly signal: AbortSignal
}

/** How long one look waits; an abort is heard so soon. */
const LOOK_MS = 250

/**
 * The last range of the bounds. Nothing is owned by these ids once the command is done, and two commands
 * at once see neither each other's processes nor each other's trees, so that they need no claim.
 */
function treeIds({ first, last }: IdBounds) {
  const ranges = Math.floor((last - first + 1) / ID_COUNT)
  return { first: first + (ranges - 1) * ID_COUNT, count: ID_COUNT }
}

/** @throws {VServerError | OpFailure} when the command cannot be started */
export async function runInTree(host: TreeHost, command: TreeCommand): Promise<TreeOutcome> {
  const { digest6 } = host.root
  // The cgroup is named for the tree without its random end: who makes a tree of that name holds its lock,
  // so that nobody else is in this cgroup, and what a maker that was killed left there is removed.
  const words = command.tree.replace(/-[0-9a-f]{12}$/, '')
  const hex = createHash('sha256').update(words).digest('hex').slice(0, 12)
  const run = { ...command, name: `_tree-${hex}`, digest6, ids: treeIds(host.bounds) }
  return await withSession(host.executor, async (cleaner) => {
    const facts = await probeFacts(cleaner, { digest6, mounts: [] })
    await prepareCgroups(cleaner, facts.cgroup, run)
    try {
      return await withSession(host.executor, async (session) => {
        await session.run(planTreeRun(run, facts))
        return await follow(session, { name: run.name, command, signal: host.signal })
      })
    } finally {
      await cleaner.run(planTreeCleanup(run, facts.cgroup))
    }
  })
}

async function follow(
  session: Session,
  { name, command, signal }: { name: string; command: TreeCommand; signal: AbortSignal },
): Promise<TreeOutcome> {
  const end = Date.now() + command.timeoutMs
  let late = false
  let killed = false
  let open = true
  for (;;) {
    const plan = planLook(name, { waitMs: LOOK_MS, output: open })
    const { ended, output, closed } = readLook((await session.run(plan)).bytes)
    open &&= !closed
    if (output.length > 0) command.onOutput(output)
    else if (ended) break
    if (killed) continue
    late = Date.now() > end
    if (late || signal.aborted) {
      killed = true
      await session.run(planKill(name))
    }
  }
  const reap = planReap(name)
  const { slots } = await session.run(reap.plan)
  const status = Number(slots[reap.status] ?? 0n)
  if (late) return { kind: 'timeout' }
  const number = status & 0x7f
  return number === 0
    ? { kind: 'exited', code: (status >> 8) & 0xff }
    : { kind: 'killed', signal: number }
}
