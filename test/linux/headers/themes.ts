/**
 * Which headers hold the constants of which file.
 *
 * @module
 */
import * as bpf from '../../../core/linux/constants/bpf.ts'
import * as event from '../../../core/linux/constants/event.ts'
import * as file from '../../../core/linux/constants/file.ts'
import * as magic from '../../../core/linux/constants/magic.ts'
import * as mount from '../../../core/linux/constants/mount.ts'
import * as netlink from '../../../core/linux/constants/netlink.ts'
import * as open from '../../../core/linux/constants/open.ts'
import * as prctl from '../../../core/linux/constants/prctl.ts'
import * as process from '../../../core/linux/constants/process.ts'
import * as seccomp from '../../../core/linux/constants/seccomp.ts'
import * as signal from '../../../core/linux/constants/signal.ts'
import * as socket from '../../../core/linux/constants/socket.ts'
import * as terminal from '../../../core/linux/constants/terminal.ts'
import * as umount from '../../../core/linux/constants/umount.ts'

export interface Theme {
  readonly name: string
  readonly constants: Readonly<Record<string, number | bigint>>
  readonly headers: readonly string[]
}

export const themes: readonly Theme[] = [
  { name: 'bpf', constants: bpf, headers: ['linux/types.h', 'linux/posix_types.h', 'linux/bpf.h'] },
  {
    name: 'event',
    constants: event,
    headers: [
      'poll.h',
      'sys/epoll.h',
      'sys/eventfd.h',
      'sys/signalfd.h',
      'sys/timerfd.h',
      'sys/inotify.h',
    ],
  },
  {
    name: 'file',
    constants: file,
    headers: [
      'linux/types.h',
      'linux/posix_types.h',
      'linux/fcntl.h',
      'linux/fs.h',
      'linux/memfd.h',
      'linux/falloc.h',
      'linux/close_range.h',
      'linux/mman.h',
      'linux/random.h',
      'linux/loop.h',
      'linux/fsverity.h',
    ],
  },
  {
    name: 'magic',
    constants: magic,
    headers: ['linux/types.h', 'linux/posix_types.h', 'linux/magic.h'],
  },
  {
    name: 'mount',
    constants: mount,
    headers: ['linux/types.h', 'linux/posix_types.h', 'linux/mount.h', 'linux/fcntl.h'],
  },
  {
    name: 'netlink',
    constants: netlink,
    headers: [
      'sys/socket.h',
      'linux/types.h',
      'linux/posix_types.h',
      'linux/netlink.h',
      'linux/rtnetlink.h',
      'linux/if_link.h',
      'linux/if.h',
      'linux/if_addr.h',
      'linux/veth.h',
      'linux/neighbour.h',
      'linux/genetlink.h',
      'linux/if_tun.h',
      'linux/ioctl.h',
    ],
  },
  {
    name: 'open',
    constants: open,
    headers: [
      'linux/types.h',
      'linux/posix_types.h',
      'linux/fcntl.h',
      'linux/stat.h',
      'linux/openat2.h',
      'linux/xattr.h',
      'linux/fs.h',
      'linux/memfd.h',
      'linux/falloc.h',
      'linux/close_range.h',
      'linux/limits.h',
      'linux/fanotify.h',
      'linux/random.h',
    ],
  },
  {
    name: 'prctl',
    constants: prctl,
    headers: [
      'linux/types.h',
      'linux/posix_types.h',
      'linux/prctl.h',
      'linux/securebits.h',
      'linux/capability.h',
    ],
  },
  {
    name: 'process',
    constants: process,
    headers: [
      'linux/types.h',
      'linux/posix_types.h',
      'linux/sched.h',
      'linux/prctl.h',
      'linux/wait.h',
      'linux/resource.h',
      'linux/keyctl.h',
      'linux/personality.h',
      'linux/reboot.h',
      'linux/kcmp.h',
      'linux/pidfd.h',
      'linux/time.h',
      'linux/capability.h',
      'linux/securebits.h',
      'linux/nsfs.h',
    ],
  },
  {
    name: 'seccomp',
    constants: seccomp,
    headers: [
      'linux/types.h',
      'linux/posix_types.h',
      'linux/seccomp.h',
      'linux/audit.h',
      'linux/bpf_common.h',
      'linux/filter.h',
    ],
  },
  { name: 'signal', constants: signal, headers: ['linux/types.h', 'linux/signal.h'] },
  { name: 'socket', constants: socket, headers: ['sys/socket.h', 'netinet/in.h', 'sys/un.h'] },
  {
    name: 'terminal',
    constants: terminal,
    headers: [
      'linux/types.h',
      'linux/posix_types.h',
      'asm/termbits.h',
      'asm/ioctls.h',
      'linux/ioctl.h',
    ],
  },
  { name: 'umount', constants: umount, headers: ['sys/mount.h'] },
]
