/**
 * Structures that system calls take, by their names in the kernel's headers. A test compares sizes
 * and offsets with the headers. Pure.
 *
 * Pointers are `u64` fields; leave them 0 and store them when the plan runs:
 * `put(cell, sockFprog.at('filter'), filterCell)`.
 *
 * @module
 */
import { struct } from './struct.ts'
import { encodeUtf8 } from './text.ts'

export * from './structs_file.ts'

/** RLIM64_INFINITY of prlimit64(2). */
export const RLIM64_INFINITY = 0xffffffffffffffffn

/** clone3(2): 88 bytes. */
export const cloneArgs = struct('struct clone_args', [
  ['flags', 'u64'],
  ['pidfd', 'u64'],
  ['child_tid', 'u64'],
  ['parent_tid', 'u64'],
  ['exit_signal', 'u64'],
  ['stack', 'u64'],
  ['stack_size', 'u64'],
  ['tls', 'u64'],
  ['set_tid', 'u64'],
  ['set_tid_size', 'u64'],
  ['cgroup', 'u64'],
])

/** mount_setattr(2): 32 bytes. */
export const mountAttr = struct('struct mount_attr', [
  ['attr_set', 'u64'],
  ['attr_clr', 'u64'],
  ['propagation', 'u64'],
  ['userns_fd', 'u64'],
])

/** openat2(2): 24 bytes. */
export const openHow = struct('struct open_how', [
  ['flags', 'u64'],
  ['mode', 'u64'],
  ['resolve', 'u64'],
])

/** clock_settime(2), utimensat(2)… on 64-bit architectures. */
export const timespec = struct('struct __kernel_timespec', [
  ['tv_sec', 'i64'],
  ['tv_nsec', 'i64'],
])

/** timerfd_settime(2). */
export const itimerspec = struct('struct __kernel_itimerspec', [
  ['it_interval.tv_sec', 'i64'],
  ['it_interval.tv_nsec', 'i64'],
  ['it_value.tv_sec', 'i64'],
  ['it_value.tv_nsec', 'i64'],
])

/** prlimit64(2). */
export const rlimit64 = struct('struct rlimit64', [
  ['rlim_cur', 'u64'],
  ['rlim_max', 'u64'],
])

/** capset(2): the header. The data is made by `capabilityData()` in `capabilities.ts`. */
export const capHeader = struct('struct __user_cap_header_struct', [
  ['version', 'u32'],
  ['pid', 'i32'],
])

/** capset(2): one of the two data words of version 3. */
export const capData = struct('struct __user_cap_data_struct', [
  ['effective', 'u32'],
  ['permitted', 'u32'],
  ['inheritable', 'u32'],
])

/** seccomp(2): the program; `filter` is a pointer to be stored at run time. */
export const sockFprog = struct('struct sock_fprog', [
  ['len', 'u16'],
  ['filter', 'u64'],
])

/** One instruction of classic BPF. */
export const sockFilter = struct('struct sock_filter', [
  ['code', 'u16'],
  ['jt', 'u8'],
  ['jf', 'u8'],
  ['k', 'u32'],
])

/** What a seccomp filter sees. */
export const seccompData = struct('struct seccomp_data', [
  ['nr', 'i32'],
  ['arch', 'u32'],
  ['instruction_pointer', 'u64'],
  ['args[0]', 'u64'],
  ['args[1]', 'u64'],
  ['args[2]', 'u64'],
  ['args[3]', 'u64'],
  ['args[4]', 'u64'],
  ['args[5]', 'u64'],
])

/** TIOCSWINSZ. */
export const winsize = struct('struct winsize', [
  ['ws_row', 'u16'],
  ['ws_col', 'u16'],
  ['ws_xpixel', 'u16'],
  ['ws_ypixel', 'u16'],
])

/** poll(2). */
export const pollfd = struct('struct pollfd', [
  ['fd', 'i32'],
  ['events', 'u16'],
  ['revents', 'u16'],
])

/** Address of a Unix socket; `sockaddrUn()` gives one of exact length. */
export const sockaddrUnLayout = struct('struct sockaddr_un', [
  ['sun_family', 'u16'],
  ['sun_path', 'bytes108'],
])

/**
 * Address of a Unix socket in exactly the bytes that bind(2) wants. Pure.
 *
 * @param path a path, or `@NAME` for the abstract name NAME
 * @throws {RangeError} when the path is longer than 107 bytes or holds a NUL
 */
export function sockaddrUn(path: string): Uint8Array {
  const abstract = path.startsWith('@')
  const name = encodeUtf8(abstract ? path.slice(1) : path)
  if (name.length > 107 || name.includes(0)) {
    throw new RangeError(`not a name for a Unix socket: ${path}`)
  }
  const bytes = new Uint8Array(3 + name.length)
  bytes[0] = 1
  bytes.set(name, abstract ? 3 : 2)
  return bytes
}
