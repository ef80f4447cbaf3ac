/**
 * Constants of the kernel under the kernel's own names, as far as a container runtime needs them.
 * A test compares each with the kernel headers. Values that `|` would truncate to 32 bits, and that
 * are meant to be combined, are bigint. Pure data.
 *
 * @module
 */
export * from './constants/bpf.ts'
export * from './constants/event.ts'
export * from './constants/file.ts'
export * from './constants/magic.ts'
export * from './constants/mount.ts'
export * from './constants/netlink.ts'
export * from './constants/open.ts'
export * from './constants/prctl.ts'
export * from './constants/process.ts'
export * from './constants/seccomp.ts'
export * from './constants/signal.ts'
export * from './constants/socket.ts'
export * from './constants/terminal.ts'
export * from './constants/umount.ts'
