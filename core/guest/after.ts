import { errors, VServerError } from '../errors.ts'
import type { Root } from '../host/root.ts'
import type { Registry } from '../plugin/registry.ts'
import { configOf } from './config_of.ts'
import { guestExists, readGuest } from './store.ts'

/**
 * Looks at what a guest would come after.
 *
 * @returns names that no guest has, which count once one has them
 * @throws {VServerError} E_CYCLE when the guest would wait for itself
 */
export function checkAfter(
  root: Root,
  { name, after, registry }: { name: string; after: readonly string[]; registry: Registry },
): readonly string[] {
  const cycle = findWay(after.map((next) => [name, next]), { root, name, registry })
  if (cycle === undefined) return after.filter((other) => !guestExists(root, other))
  throw errors.E_CYCLE(`Cannot order guests: ${cycle.join(' comes after ')}`, {
    hint: 'leave one of these out of "after"',
    details: { cycle },
  })
}

/** A way from guest to guest that ends where it began. */
function findWay(
  starts: readonly (readonly string[])[],
  at: { root: Root; name: string; registry: Registry },
): readonly string[] | undefined {
  const seen = new Set<string>()
  const ways = [...starts]
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    const last = way.at(-1) ?? ''
    if (last === at.name) return way
    if (seen.has(last)) continue
    seen.add(last)
    for (const next of afterOf(at.root, last, at.registry)) ways.push([...way, next])
  }
  return undefined
}

/** What another guest comes after. A broken file says nothing. */
function afterOf(root: Root, name: string, registry: Registry): readonly string[] {
  if (!guestExists(root, name)) return []
  try {
    return configOf(readGuest(root, { name, verb: 'order' }), registry).after
  } catch (error) {
    if (error instanceof VServerError) return []
    throw error
  }
}
