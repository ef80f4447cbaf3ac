/**
 * prctl(2), secure bits and capset(2). Pure data.
 *
 * @module
 */

// Options of prctl(2).
export const PR_SET_PDEATHSIG = 1
export const PR_GET_PDEATHSIG = 2
export const PR_GET_DUMPABLE = 3
export const PR_SET_DUMPABLE = 4
export const PR_GET_KEEPCAPS = 7
export const PR_SET_KEEPCAPS = 8
export const PR_SET_NAME = 15
export const PR_GET_NAME = 16
export const PR_GET_SECCOMP = 21
export const PR_SET_SECCOMP = 22
export const PR_CAPBSET_READ = 23
export const PR_CAPBSET_DROP = 24
export const PR_GET_SECUREBITS = 27
export const PR_SET_SECUREBITS = 28
export const PR_SET_TIMERSLACK = 29
export const PR_SET_MM = 35
export const PR_SET_CHILD_SUBREAPER = 36
export const PR_GET_CHILD_SUBREAPER = 37
export const PR_SET_NO_NEW_PRIVS = 38
export const PR_GET_NO_NEW_PRIVS = 39
export const PR_SET_THP_DISABLE = 41
export const PR_CAP_AMBIENT = 47
export const PR_CAP_AMBIENT_IS_SET = 1
export const PR_CAP_AMBIENT_RAISE = 2
export const PR_CAP_AMBIENT_LOWER = 3
export const PR_CAP_AMBIENT_CLEAR_ALL = 4
export const PR_SET_SPECULATION_CTRL = 53
export const PR_SET_IO_FLUSHER = 57
export const PR_SET_VMA = 1398164801
export const PR_SET_VMA_ANON_NAME = 0
export const PR_SET_MDWE = 65 // Linux 6.3
export const PR_SET_MEMORY_MERGE = 67 // Linux 6.4

// Bits of PR_SET_SECUREBITS.
export const SECBIT_NOROOT = 1
export const SECBIT_NOROOT_LOCKED = 2
export const SECBIT_NO_SETUID_FIXUP = 4
export const SECBIT_NO_SETUID_FIXUP_LOCKED = 8
export const SECBIT_KEEP_CAPS = 0x10
export const SECBIT_KEEP_CAPS_LOCKED = 0x20
export const SECBIT_NO_CAP_AMBIENT_RAISE = 0x40

// Versions of capset(2).
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522
