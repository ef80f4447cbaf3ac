import { type BigIntStats, lstatSync } from 'node:fs'
import { type KeptInput, presence } from './kept.ts'

/**
 * A path that a plan is made from. `SAME`: only its identity matters (a directory whose content may
 * change while the plan stays right).
 */
export type InputPath = string | { readonly path: string; readonly only: 'identity' }

/**
 * Looks at what a plan was made from, so that a later look can tell whether it changed. A path that is
 * not there, or cannot be reached, counts as absent; its appearing is a change too. Paths named twice
 * count once, by the stricter comparison.
 */
export function statInputs(paths: readonly InputPath[]): readonly KeptInput[] {
  const strict = new Map<string, boolean>()
  for (const input of paths) {
    const [path, exact] = typeof input === 'string' ? [input, true] : [input.path, false]
    strict.set(path, exact || strict.get(path) === true)
  }
  return [...strict].map(([path, exact]) => {
    const found = lstatOrAbsent(path)
    return found === undefined
      ? { path, present: presence.ABSENT, dev: 0n, ino: 0n, size: 0n, mtimeNs: 0n, ctimeNs: 0n }
      : {
        path,
        present: exact ? presence.EXACT : presence.SAME,
        dev: found.dev,
        ino: found.ino,
        size: found.size,
        mtimeNs: found.mtimeNs,
        ctimeNs: found.ctimeNs,
      }
  })
}

/** Whether every input still compares as it must. */
export function inputsUnchanged(inputs: readonly KeptInput[]): boolean {
  return inputs.every((then) => {
    const now = lstatOrAbsent(then.path)
    if (now === undefined) return then.present === presence.ABSENT
    if (now.dev !== then.dev || now.ino !== then.ino) return false
    if (then.present === presence.SAME) return true
    return then.present === presence.EXACT && now.size === then.size &&
      now.mtimeNs === then.mtimeNs && now.ctimeNs === then.ctimeNs
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
