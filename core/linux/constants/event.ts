/**
 * Polling and event descriptors. Pure data.
 *
 * @module
 */

// Events of poll(2) and epoll(7).
export const POLLIN = 1
export const POLLPRI = 2
export const POLLOUT = 4
export const POLLERR = 8
export const POLLHUP = 0x10
export const POLLNVAL = 0x20
export const EPOLLIN = 1
export const EPOLLOUT = 4
export const EPOLLERR = 8
export const EPOLLHUP = 0x10
export const EPOLLONESHOT = 0x40000000
export const EPOLLET = 0x80000000
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3
export const EPOLL_CLOEXEC = 0x80000

// Event descriptors.
export const EFD_SEMAPHORE = 1
export const EFD_CLOEXEC = 0o2000000
export const EFD_NONBLOCK = 0o4000
export const SFD_CLOEXEC = 0o2000000
export const SFD_NONBLOCK = 0o4000
export const TFD_CLOEXEC = 0o2000000
export const TFD_NONBLOCK = 0o4000
export const IN_CLOEXEC = 0o2000000
export const IN_NONBLOCK = 0o4000
export const IN_MODIFY = 2
export const IN_CREATE = 0o400
export const IN_DELETE = 0o1000
export const IN_MOVED_TO = 0o200
