import { Buffer } from 'node:buffer'
import { bytes, type Cell } from '../../plan/program.ts'

/** `tv_nsec` that leaves a time alone (include/linux/stat.h). */
const UTIME_OMIT = 0x3ffffffe

/**
 * The two timespecs of utimensat(2). A time that is not given stays what it is. Pure.
 *
 * @param times nanoseconds since 1970; may be negative
 */
export function timespecs(times: { readonly atimeNs?: bigint; readonly mtimeNs: bigint }): Cell {
  const buffer = Buffer.alloc(32)
  const put = (ns: bigint | undefined, at: number) => {
    if (ns === undefined) return buffer.writeBigInt64LE(BigInt(UTIME_OMIT), at + 8)
    const seconds = ns >= 0n ? ns / 1_000_000_000n : (ns - 999_999_999n) / 1_000_000_000n
    buffer.writeBigInt64LE(seconds, at)
    return buffer.writeBigInt64LE(ns - seconds * 1_000_000_000n, at + 8)
  }
  put(times.atimeNs, 0)
  put(times.mtimeNs, 16)
  return bytes(buffer)
}
