import process from 'node:process'

/**
 * A suffix for a temporary name: no two processes and no two moments give the same. It is no secret, for
 * the names lie in directories that are root's own; node:crypto would cost 7 ms to load.
 */
export function uniqueSuffix(): string {
  const parts = [Date.now(), process.pid, process.hrtime.bigint() % 1_000_000_000n]
  return parts.map((part) => part.toString(36)).join('-')
}
