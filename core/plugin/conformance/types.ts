/**
 * What a conformance suite is: checks with names, run one by one by tests and by `vserver plugins --test`.
 *
 * @module
 */

/** One check. It throws an Error, whose message says what is wrong, or is fulfilled. */
export interface ConformanceCheck {
  readonly name: string
  readonly run: () => void | Promise<void>
}

/** Throws with a message unless something holds. */
export function must(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message)
}
