/**
 * Runs the C programs beside this file.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { tool } from '../../system/tools.ts'

export interface Native {
  /** Runs the program; gives back the lines that it printed. Throws when it fails. */
  run(args: readonly string[], input: Uint8Array): string[]
}

/** Compiles `test/linux/native/NAME.c` when it has to be. */
export function native(name: 'device' | 'netlink' | 'seccomp'): Native {
  const program = tool(`native-${name}`)
  return {
    run(args, input) {
      const result = spawnSync(program, args, { encoding: 'utf8', input, timeout: 10_000 })
      if (result.status !== 0) {
        throw new Error(`${name} ended with ${result.status ?? result.signal}: ${result.stderr}`)
      }
      return result.stdout.split('\n').filter((line) => line !== '')
    },
  }
}
