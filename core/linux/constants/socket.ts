/**
 * Sockets. Pure data.
 *
 * @module
 */

// Address families.
export const AF_UNSPEC = 0
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const AF_PACKET = 17
export const AF_VSOCK = 40
export const AF_ALG = 38
export const AF_BRIDGE = 7

// Types and flags of socket(2).
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_SEQPACKET = 5
export const SOCK_CLOEXEC = 0o2000000
export const SOCK_NONBLOCK = 0o4000

// Protocols.
export const IPPROTO_IP = 0
export const IPPROTO_ICMP = 1
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const IPPROTO_ICMPV6 = 58
export const IPPROTO_RAW = 255

// Levels and options of setsockopt(2), and control messages.
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_ERROR = 4
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_PASSCRED = 16
export const SO_PEERCRED = 17
export const SO_RCVTIMEO = 20
export const SO_SNDTIMEO = 21
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33
export const SO_DOMAIN = 39
export const SCM_RIGHTS = 1
export const SCM_CREDENTIALS = 2

// Flags of send(2) and recv(2).
export const MSG_PEEK = 2
export const MSG_CTRUNC = 8
export const MSG_TRUNC = 0x20
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000
export const MSG_CMSG_CLOEXEC = 0x40000000

// How to shut down.
export const SHUT_RD = 0
export const SHUT_WR = 1
export const SHUT_RDWR = 2
