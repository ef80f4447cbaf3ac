/**
 * One row of the escape table.
 *
 * @module
 */

/** Name of a probe, what it may print (usually the name of one errno), and the reason. */
export type Row = readonly [probe: string, expected: readonly string[], reason: string]
