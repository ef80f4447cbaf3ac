/**
 * Processes: namespaces, waiting, limits, scheduling, keys, personality, reboot. Pure data.
 *
 * @module
 */

// Flags of clone3(2), unshare(2), setns(2). Above 31 bits they are bigint: `|` would truncate them.
export const CLONE_NEWTIME = 0x80
export const CLONE_VM = 0x100
export const CLONE_FS = 0x200
export const CLONE_FILES = 0x400
export const CLONE_SIGHAND = 0x800
export const CLONE_PIDFD = 0x1000
export const CLONE_PTRACE = 0x2000
export const CLONE_VFORK = 0x4000
export const CLONE_PARENT = 0x8000
export const CLONE_THREAD = 0x10000
export const CLONE_NEWNS = 0x20000
export const CLONE_SYSVSEM = 0x40000
export const CLONE_SETTLS = 0x80000
export const CLONE_PARENT_SETTID = 0x100000
export const CLONE_CHILD_CLEARTID = 0x200000
export const CLONE_UNTRACED = 0x800000
export const CLONE_CHILD_SETTID = 0x1000000
export const CLONE_NEWCGROUP = 0x2000000
export const CLONE_NEWUTS = 0x4000000
export const CLONE_NEWIPC = 0x8000000
export const CLONE_NEWUSER = 0x10000000
export const CLONE_NEWPID = 0x20000000
export const CLONE_NEWNET = 0x40000000
export const CLONE_IO = 0x80000000n
export const CLONE_CLEAR_SIGHAND = 0x100000000n
export const CLONE_INTO_CGROUP = 0x200000000n

// Selectors and options of waitid(2) and wait4(2).
export const P_ALL = 0
export const P_PID = 1
export const P_PGID = 2
export const P_PIDFD = 3
export const WNOHANG = 1
export const WUNTRACED = 2
export const WSTOPPED = 2
export const WEXITED = 4
export const WCONTINUED = 8
export const WNOWAIT = 0x1000000
export const __WALL = 0x40000000

// Flags of pidfd_open(2).
export const PIDFD_NONBLOCK = 0o4000
export const PIDFD_THREAD = 0o200 // Linux 6.9

// Resources of prlimit64(2).
export const RLIMIT_CPU = 0
export const RLIMIT_FSIZE = 1
export const RLIMIT_DATA = 2
export const RLIMIT_STACK = 3
export const RLIMIT_CORE = 4
export const RLIMIT_RSS = 5
export const RLIMIT_NPROC = 6
export const RLIMIT_NOFILE = 7
export const RLIMIT_MEMLOCK = 8
export const RLIMIT_AS = 9
export const RLIMIT_LOCKS = 10
export const RLIMIT_SIGPENDING = 11
export const RLIMIT_MSGQUEUE = 12
export const RLIMIT_NICE = 13
export const RLIMIT_RTPRIO = 14
export const RLIMIT_RTTIME = 15

// Selectors of setpriority(2).
export const PRIO_PROCESS = 0
export const PRIO_PGRP = 1
export const PRIO_USER = 2

// Scheduling policies.
export const SCHED_NORMAL = 0
export const SCHED_FIFO = 1
export const SCHED_RR = 2
export const SCHED_BATCH = 3
export const SCHED_IDLE = 5
export const SCHED_DEADLINE = 6
export const SCHED_RESET_ON_FORK = 0x40000000

// Clocks.
export const CLOCK_REALTIME = 0
export const CLOCK_MONOTONIC = 1
export const CLOCK_PROCESS_CPUTIME_ID = 2
export const CLOCK_MONOTONIC_RAW = 4
export const CLOCK_BOOTTIME = 7
export const TIMER_ABSTIME = 1

// Commands of keyctl(2).
export const KEYCTL_GET_KEYRING_ID = 0
export const KEYCTL_JOIN_SESSION_KEYRING = 1
export const KEYCTL_REVOKE = 3
export const KEYCTL_SETPERM = 5
export const KEYCTL_CLEAR = 7
export const KEYCTL_LINK = 8
export const KEYCTL_UNLINK = 9
export const KEYCTL_SEARCH = 10
export const KEYCTL_READ = 11

// Personalities.
export const PER_LINUX = 0
export const PER_LINUX32 = 8
export const UNAME26 = 0x20000
export const ADDR_NO_RANDOMIZE = 0x40000
export const READ_IMPLIES_EXEC = 0x400000
export const ADDR_COMPAT_LAYOUT = 0x200000

// Commands and magics of reboot(2).
export const LINUX_REBOOT_MAGIC1 = 0xfee1dead
export const LINUX_REBOOT_MAGIC2 = 0x28121969
export const LINUX_REBOOT_CMD_RESTART = 0x1234567
export const LINUX_REBOOT_CMD_HALT = 0xcdef0123
export const LINUX_REBOOT_CMD_CAD_ON = 0x89abcdef
export const LINUX_REBOOT_CMD_CAD_OFF = 0
export const LINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc

// ioctl(2) requests of namespace descriptors.
export const NS_GET_USERNS = 0xb701
export const NS_GET_PARENT = 0xb702
export const NS_GET_NSTYPE = 0xb703
export const NS_GET_OWNER_UID = 0xb704

// Requests and masks of PIDFD_GET_INFO.
export const PIDFD_GET_INFO = 0xc040ff0b // Linux 6.13
export const PIDFD_INFO_PID = 1 // Linux 6.13
export const PIDFD_INFO_CREDS = 2 // Linux 6.13
export const PIDFD_INFO_CGROUPID = 4 // Linux 6.13
export const PIDFD_INFO_EXIT = 8 // Linux 6.15
