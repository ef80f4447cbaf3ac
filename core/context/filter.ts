import { compileFilter, x86_64 } from '../linux/seccomp/compile.ts'
import { guestPolicy } from '../linux/seccomp/policy.ts'

/** The filter in base64; the build puts it in the place of this name. */
declare const VSERVER_GUEST_FILTER: string | undefined

/** Compiles the system call filter of every guest, as instructions for seccomp(2). Pure. */
export function compileGuestFilter(): Uint8Array {
  return compileFilter(guestPolicy, x86_64)
}

let filter: Uint8Array | undefined

/** The filter of every guest: compiled when vserver was built, or now when it runs from source. Pure. */
export function guestFilter(): Uint8Array {
  filter ??= typeof VSERVER_GUEST_FILTER === 'string'
    ? new Uint8Array(Buffer.from(VSERVER_GUEST_FILTER, 'base64'))
    : compileGuestFilter()
  return filter
}
