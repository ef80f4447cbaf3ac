/**
 * Working on open files: fcntl, locks, seals, allocation, mapping, ioctls. Pure data.
 *
 * @module
 */

// Commands of fcntl(2).
export const F_DUPFD = 0
export const F_GETFD = 1
export const F_SETFD = 2
export const F_GETFL = 3
export const F_SETFL = 4
export const F_GETLK = 5
export const F_SETLK = 6
export const F_SETLKW = 7
export const F_SETOWN = 8
export const F_GETOWN = 9
export const F_OFD_GETLK = 36
export const F_OFD_SETLK = 37
export const F_OFD_SETLKW = 38
export const F_DUPFD_CLOEXEC = 1030
export const F_SETPIPE_SZ = 1031
export const F_GETPIPE_SZ = 1032
export const F_ADD_SEALS = 1033
export const F_GET_SEALS = 1034

// Flags and lock types of fcntl(2).
export const FD_CLOEXEC = 1
export const F_RDLCK = 0
export const F_WRLCK = 1
export const F_UNLCK = 2
export const F_SEAL_SEAL = 1
export const F_SEAL_SHRINK = 2
export const F_SEAL_GROW = 4
export const F_SEAL_WRITE = 8
export const F_SEAL_FUTURE_WRITE = 16
export const F_SEAL_EXEC = 32 // Linux 6.3

// Operations of flock(2).
export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
export const LOCK_UN = 8

// Origins of lseek(2).
export const SEEK_SET = 0
export const SEEK_CUR = 1
export const SEEK_END = 2
export const SEEK_DATA = 3
export const SEEK_HOLE = 4

// Modes of fallocate(2).
export const FALLOC_FL_KEEP_SIZE = 1
export const FALLOC_FL_PUNCH_HOLE = 2
export const FALLOC_FL_COLLAPSE_RANGE = 8
export const FALLOC_FL_ZERO_RANGE = 0x10
export const FALLOC_FL_INSERT_RANGE = 0x20
export const FALLOC_FL_UNSHARE_RANGE = 0x40

// Flags of memfd_create(2).
export const MFD_CLOEXEC = 1
export const MFD_ALLOW_SEALING = 2
export const MFD_HUGETLB = 4
export const MFD_NOEXEC_SEAL = 8 // Linux 6.3
export const MFD_EXEC = 0x10 // Linux 6.3

// Flags of close_range(2).
export const CLOSE_RANGE_UNSHARE = 2
export const CLOSE_RANGE_CLOEXEC = 4

// Flags of getrandom(2).
export const GRND_NONBLOCK = 1
export const GRND_RANDOM = 2
export const GRND_INSECURE = 4

// Protection and flags of mmap(2).
export const PROT_NONE = 0
export const PROT_READ = 1
export const PROT_WRITE = 2
export const PROT_EXEC = 4
export const MAP_SHARED = 1
export const MAP_PRIVATE = 2
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = 0x20
export const MAP_NORESERVE = 0x4000
export const MAP_POPULATE = 0x8000
export const MAP_STACK = 0x20000
export const MAP_FIXED_NOREPLACE = 0x100000
export const MAP_GROWSDOWN = 0x100

// ioctl(2) requests of file systems.
export const FICLONE = 0x40049409
export const FICLONERANGE = 0x4020940d
export const FIDEDUPERANGE = 0xc0189436
export const FIFREEZE = 0xc0045877
export const FITHAW = 0xc0045878
export const FS_IOC_GETFLAGS = 0x80086601
export const FS_IOC_SETFLAGS = 0x40086602
export const FS_IOC_FSGETXATTR = 0x801c581f
export const FS_IOC_FSSETXATTR = 0x401c5820
export const FS_IOC_ENABLE_VERITY = 0x40806685

// Inode flags of FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR.
export const FS_IMMUTABLE_FL = 0x10
export const FS_APPEND_FL = 0x20
export const FS_NODUMP_FL = 0x40
export const FS_NOATIME_FL = 0x80
export const FS_COMPR_FL = 4
export const FS_NOCOMP_FL = 0x400
export const FS_NOCOW_FL = 0x800000
export const FS_PROJINHERIT_FL = 0x20000000
export const FS_XFLAG_IMMUTABLE = 8
export const FS_XFLAG_APPEND = 0x10
export const FS_XFLAG_PROJINHERIT = 0x200

// Loop devices.
export const LOOP_SET_FD = 0x4c00
export const LOOP_CLR_FD = 0x4c01
export const LOOP_SET_STATUS64 = 0x4c04
export const LOOP_GET_STATUS64 = 0x4c05
export const LOOP_CONFIGURE = 0x4c0a
export const LOOP_CTL_ADD = 0x4c80
export const LOOP_CTL_REMOVE = 0x4c81
export const LOOP_CTL_GET_FREE = 0x4c82
export const LO_FLAGS_READ_ONLY = 1
export const LO_FLAGS_AUTOCLEAR = 4
export const LO_FLAGS_DIRECT_IO = 0x10
