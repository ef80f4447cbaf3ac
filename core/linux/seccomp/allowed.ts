/**
 * System calls that guests may make whatever the arguments, by theme. Pure data.
 *
 * `test/linux/seccomp/policy.test.ts` holds the list against the default profile of container
 * engines, as granted to a container with the capabilities that guests keep: what goes beyond it
 * must stand in {@link exceptions} with its reason.
 *
 * @module
 */
import { isSyscall, type SyscallName } from '../syscalls.ts'

/** Splits a text into names, each of which must be that of a system call. */
function calls(text: string): SyscallName[] {
  return text.trim().split(/\s+/).map((name) => {
    if (!isSyscall(name)) throw new RangeError(`no system call is named ${name}`)
    return name
  })
}

/** What container engines allow to containers with the capabilities that guests keep. */
export const allowed: Readonly<Record<string, readonly SyscallName[]>> = {
  files: calls(`
    access cachestat chdir chmod chown close close_range copy_file_range creat dup dup2 dup3
    faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat
    fcntl fdatasync flock fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64
    lchown link linkat lseek lstat mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open
    openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink
    readlinkat readv rename renameat renameat2 rmdir sendfile splice stat statfs statx symlink
    symlinkat sync sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat
    utimes vmsplice write writev
  `),
  attributes: calls(`
    fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr
    listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
  `),
  waiting: calls(`
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 fanotify_init fanotify_mark inotify_add_watch inotify_init
    inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup
    io_submit pipe pipe2 poll ppoll pselect6 select signalfd signalfd4
  `),
  memory: calls(`
    brk get_mempolicy madvise map_shadow_stack mbind membarrier memfd_create memfd_secret mincore
    mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc
    pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages set_mempolicy
    set_mempolicy_home_node
  `),
  processes: calls(`
    arch_prctl capget capset clone clone3 execve execveat exit exit_group fork getcpu getpgid
    getpgrp getpid getppid getpriority getrlimit getrusage getsid gettid kcmp modify_ldt
    pidfd_getfd pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev
    ptrace reboot restart_syscall rseq setpgid setpriority setrlimit setsid set_tid_address times
    uretprobe vfork vhangup wait4 waitid
  `),
  identity: calls(`
    getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid setgroups
    setregid setresgid setresuid setreuid setuid
  `),
  scheduling: calls(`
    ioprio_get ioprio_set sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
    sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield
  `),
  threads: calls(`
    futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list get_thread_area
    set_robust_list set_thread_area
  `),
  signals: calls(`
    kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack tgkill tkill
  `),
  // Setting the clock by adjtimex(2) wants CAP_SYS_TIME over the host, which no guest has.
  time: calls(`
    adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday
    nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime
    timer_settime timerfd_create timerfd_gettime timerfd_settime
  `),
  sockets: calls(`
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg
    recvmsg sendmmsg sendmsg sendto setsockopt shutdown socketpair
  `),
  queues: calls(`
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv
    msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget
  `),
  mounts: calls(`
    chroot fsconfig fsmount fsopen fspick listmount mount mount_setattr move_mount open_tree setns
    statmount umount2 unshare
  `),
  system: calls(`
    getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr
    lsm_list_modules lsm_set_self_attr seccomp setdomainname sethostname sysinfo uname
  `),
}

/** What guests may call beyond that, and why. */
export const exceptions = {
  pivot_root:
    'systemd and nested containers build private trees with it, in their own mount namespace',
  open_tree_attr: 'is open_tree and mount_setattr in one call, and both are allowed',
  file_getattr: 'does what the allowed ioctl FS_IOC_FSGETXATTR does',
  file_setattr: 'does what the allowed ioctl FS_IOC_FSSETXATTR does, under the same checks',
  uprobe: 'the kernel itself makes programs call it that the host traces; refused, they would die',
} as const satisfies Readonly<Partial<Record<SyscallName, string>>>
