/**
 * Which headers hold which structures.
 *
 * @module
 */
import type { Struct } from '../../../core/linux/struct.ts'
import * as common from '../../../core/linux/structs.ts'
import * as bpf from '../../../core/linux/ebpf/attr.ts'
import { deviceContext } from '../../../core/linux/ebpf/device.ts'
import * as net from '../../../core/linux/netlink/structs.ts'
import * as file from '../../../core/linux/structs_file.ts'

export interface Structure {
  readonly layout: Struct<string>
  readonly headers: readonly string[]
  /** Only the beginning of what C has: the size is not compared. */
  readonly beginning?: true
}

const of = (layouts: readonly Struct<string>[], ...headers: readonly string[]): Structure[] =>
  layouts.map((layout) => ({ layout, headers }))

export const structures: readonly Structure[] = [
  ...of([common.cloneArgs], 'linux/sched.h'),
  ...of([common.mountAttr], 'linux/mount.h'),
  ...of([common.openHow], 'linux/openat2.h'),
  ...of([common.timespec, common.itimerspec], 'linux/time_types.h'),
  ...of([common.rlimit64], 'linux/resource.h'),
  ...of([common.capHeader, common.capData], 'linux/capability.h'),
  ...of([common.sockFprog, common.sockFilter], 'linux/filter.h'),
  ...of([common.seccompData], 'linux/seccomp.h'),
  ...of([common.winsize], 'asm/termios.h'),
  ...of([common.pollfd], 'poll.h'),
  ...of([common.sockaddrUnLayout], 'sys/un.h'),
  ...of([file.statxBuffer], 'linux/stat.h'),
  ...of([file.fsxattr, file.fileCloneRange], 'linux/fs.h'),
  ...of([file.loopInfo64], 'linux/loop.h'),
  ...of([file.mntIdReq], 'linux/mount.h'),
  ...of([net.nlmsghdr, net.nlattr, net.sockaddrNl], 'sys/socket.h', 'linux/netlink.h'),
  ...of([net.ifinfomsg, net.ifaddrmsg, net.rtmsg, net.ndmsg], 'sys/socket.h', 'linux/rtnetlink.h'),
  ...of([deviceContext], 'linux/bpf.h'),
  ...of([bpf.programLoad, bpf.programAttach, bpf.linkCreate], 'linux/bpf.h').map((one) => ({
    ...one,
    beginning: true as const,
  })),
]
