/**
 * Times in two numbers, as the kernel has them: exact, and quicker than BigInt. Pure.
 *
 * @module
 */

/** Seconds since 1970, which may be negative, and nanoseconds from 0. */
export interface ModificationTime {
  readonly mtimeSec: number
  readonly mtimeNsec: number
}

const NS = 1_000_000_000n

/** Takes apart what `lstatSync(…, { bigint: true })` gives. */
export function splitTime(ns: bigint): ModificationTime {
  const rest = ((ns % NS) + NS) % NS
  return { mtimeSec: Number((ns - rest) / NS), mtimeNsec: Number(rest) }
}

/** Nanoseconds since 1970. */
export function joinTime({ mtimeSec, mtimeNsec }: ModificationTime): bigint {
  return BigInt(mtimeSec) * NS + BigInt(mtimeNsec)
}
