/**
 * Compiles the C programs beside this file and runs them.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRepository } from '../../support/paths.ts'

export interface Native {
  /** Runs the program; gives back the lines that it printed. Throws when it fails. */
  run(args: readonly string[], input: Uint8Array): string[]
  /** Removes it. */
  remove(): void
}

/** Compiles `test/linux/native/NAME.c`. */
export function native(name: string): Native {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-native-'))
  const program = join(directory, name)
  const source = inRepository('test/linux/native', `${name}.c`)
  const flags = ['-std=c17', '-O1', '-Wall', '-Wextra', '-Werror']
  const compiled = spawnSync('gcc', [...flags, '-o', program, source], { encoding: 'utf8' })
  if (compiled.status !== 0) throw new Error(`gcc ${name}.c: ${compiled.stderr}`)
  return {
    run(args, input) {
      const result = spawnSync(program, args, { encoding: 'utf8', input, timeout: 10_000 })
      if (result.status !== 0) {
        throw new Error(`${name} ended with ${result.status ?? result.signal}: ${result.stderr}`)
      }
      return result.stdout.split('\n').filter((line) => line !== '')
    },
    remove: () => rmSync(directory, { recursive: true }),
  }
}
