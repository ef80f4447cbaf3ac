import { join } from 'node:path'
import { VServerError } from '../errors.ts'
import type { Executor } from '../host/executor.ts'
import { bootId } from '../host/process.ts'
import { type Root, runDir } from '../host/root.ts'
import { readKept } from './files.ts'
import { inputsUnchanged } from './inputs.ts'
import { decodeKept } from './kept.ts'

/**
 * Whether a guest's kept plans still hold: of this build and this boot, and made from what is there now.
 * It is the check that the front door makes; what it cannot see (a plugin, say) is an input too.
 */
export function keptIsCurrent(root: Root, name: string, executor: Executor): boolean {
  const boot = Buffer.from(bootId(), 'hex')
  const build = Buffer.from(executor.build, 'hex')
  return ['start.kept', 'enter.kept'].every((file) => {
    const bytes = readKept(join(runDir(root, name), file))
    if (bytes === undefined) return false
    try {
      const kept = decodeKept(bytes)
      return boot.equals(kept.boot) && build.equals(kept.build) && inputsUnchanged(kept.inputs)
    } catch (error) {
      if (error instanceof VServerError && error.code === 'E_PLAN') return false
      throw error
    }
  })
}
