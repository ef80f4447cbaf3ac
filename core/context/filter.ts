import { compileFilter, x86_64 } from '../linux/seccomp/compile.ts'
import { guestPolicy } from '../linux/seccomp/policy.ts'

/** The system call filter of every guest, as instructions for seccomp(2). Pure. */
export function guestFilter(): Uint8Array {
  return compileFilter(guestPolicy, x86_64)
}
