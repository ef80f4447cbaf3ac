/**
 * A run of unification over `DIR/a` and `DIR/b`, to be killed. It tells its executor's pid first.
 *
 *     node test/unify/driver.ts DIR
 *
 * @module
 */
import { join } from 'node:path'
import process from 'node:process'
import { readdirSync, readFileSync } from 'node:fs'
import { openSession } from '../../core/plan/session.ts'
import { executorPath } from '../support/paths.ts'
import { runUnify, treeAt } from './lab.ts'

const [, , directory = ''] = process.argv

/** Our only child. */
function executorPid(): string {
  const [task = ''] = readdirSync('/proc/self/task')
  return readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim()
}

const session = await openSession(executorPath)
process.stdout.write(`${executorPid()}\n`)
try {
  await runUnify(session, {
    trees: ['a', 'b'].map((name) => treeAt(join(directory, name))),
    store: join(directory, 'store'),
    index: join(directory, 'index.sqlite'),
  })
} finally {
  await session.close()
}
