import { errors } from '../errors.ts'

/**
 * Sorts guests into levels: each waits only for guests of levels before its own. Guests that are not
 * among the names do not count. Pure.
 *
 * @param after the names that each guest comes after
 * @throws {VServerError} E_CYCLE naming the guests that wait for each other
 */
export function startLevels(
  names: readonly string[],
  after: ReadonlyMap<string, readonly string[]>,
): readonly (readonly string[])[] {
  const wanted = new Set(names)
  const waiting = new Map(
    [...wanted].map((name) => [
      name,
      new Set((after.get(name) ?? []).filter((other) => wanted.has(other))),
    ]),
  )
  const levels: string[][] = []
  while (waiting.size > 0) {
    const level = [...waiting].filter(([, others]) => others.size === 0).map(([name]) => name)
    if (level.length === 0) {
      const cycle = findCycle(waiting)
      throw errors.E_CYCLE(`Cannot order guests: ${cycle.join(' comes after ')}`, {
        hint: 'remove one of these from "after" in a guest.yaml',
        details: { cycle },
      })
    }
    for (const name of level) waiting.delete(name)
    for (const others of waiting.values()) for (const name of level) others.delete(name)
    levels.push(level)
  }
  return levels
}

/** Follows what is waited for until a name comes again; every name here waits for another. */
function findCycle(waiting: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const path: string[] = []
  let name = waiting.keys().next().value
  while (name !== undefined && !path.includes(name)) {
    path.push(name)
    name = waiting.get(name)?.values().next().value
  }
  return name === undefined ? path : [...path.slice(path.indexOf(name)), name]
}
