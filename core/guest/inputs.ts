import { type BigIntStats, lstatSync } from 'node:fs'
import type { KeptInput } from './kept.ts'

/**
 * Looks at what a plan was made from, so that a later look can tell whether it changed. A path that is
 * not there, or cannot be reached, counts as absent; its appearing is a change too.
 */
export function statInputs(paths: readonly string[]): readonly KeptInput[] {
  return paths.map((path) => {
    // Typed wider than it is: without throwIfNoEntry the result can be undefined.
    const found: BigIntStats | undefined = lstatOrAbsent(path)
    if (found === undefined) {
      return { path, present: false, dev: 0n, ino: 0n, size: 0n, mtimeNs: 0n, ctimeNs: 0n }
    }
    return {
      path,
      present: true,
      dev: found.dev,
      ino: found.ino,
      size: found.size,
      mtimeNs: found.mtimeNs,
      ctimeNs: found.ctimeNs,
    }
  })
}

/** Whether every input is still as it was. */
export function inputsUnchanged(inputs: readonly KeptInput[]): boolean {
  const now = statInputs(inputs.map(({ path }) => path))
  return inputs.every((then, index) => {
    const found = now[index]
    return found !== undefined && found.present === then.present && found.dev === then.dev &&
      found.ino === then.ino && found.size === then.size && found.mtimeNs === then.mtimeNs &&
      found.ctimeNs === then.ctimeNs
  })
}

function lstatOrAbsent(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP') return undefined
    throw error
  }
}
