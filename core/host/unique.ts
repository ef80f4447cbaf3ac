import process from 'node:process'

/**
 * A suffix for a temporary name, 12 hex digits: two processes or two moments hardly ever give the same,
 * and whoever makes the name finds out. It is no secret, for the names lie in directories that are root's
 * own; node:crypto would cost 7 ms to load.
 */
export function uniqueSuffix(): string {
  const moment = BigInt(Date.now()) * 1_000_000n + process.hrtime.bigint() % 1_000_000n
  const mixed = moment ^ (BigInt(process.pid) << 20n)
  return BigInt.asUintN(48, mixed).toString(16).padStart(12, '0')
}
