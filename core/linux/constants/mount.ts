/**
 * Mounting: classic flags, the file-descriptor mount calls, statmount and listmount. Pure data.
 *
 * @module
 */

// Flags of mount(2).
export const MS_RDONLY = 1
export const MS_NOSUID = 2
export const MS_NODEV = 4
export const MS_NOEXEC = 8
export const MS_SYNCHRONOUS = 0x10
export const MS_REMOUNT = 0x20
export const MS_MANDLOCK = 0x40
export const MS_DIRSYNC = 0x80
export const MS_NOSYMFOLLOW = 0x100
export const MS_NOATIME = 0x400
export const MS_NODIRATIME = 0x800
export const MS_BIND = 0x1000
export const MS_MOVE = 0x2000
export const MS_REC = 0x4000
export const MS_SILENT = 0x8000
export const MS_POSIXACL = 0x10000
export const MS_UNBINDABLE = 0x20000
export const MS_PRIVATE = 0x40000
export const MS_SLAVE = 0x80000
export const MS_SHARED = 0x100000
export const MS_RELATIME = 0x200000
export const MS_I_VERSION = 0x800000
export const MS_STRICTATIME = 0x1000000
export const MS_LAZYTIME = 0x2000000

// Flags of open_tree(2).
export const OPEN_TREE_CLONE = 1
export const OPEN_TREE_CLOEXEC = 0x80000

// Flags of move_mount(2).
export const MOVE_MOUNT_F_SYMLINKS = 1
export const MOVE_MOUNT_F_AUTOMOUNTS = 2
export const MOVE_MOUNT_F_EMPTY_PATH = 4
export const MOVE_MOUNT_T_SYMLINKS = 0x10
export const MOVE_MOUNT_T_AUTOMOUNTS = 0x20
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40
export const MOVE_MOUNT_SET_GROUP = 0x100
export const MOVE_MOUNT_BENEATH = 0x200 // Linux 6.5

// Flags of fsopen(2), fspick(2) and fsmount(2).
export const FSOPEN_CLOEXEC = 1
export const FSPICK_CLOEXEC = 1
export const FSPICK_SYMLINK_NOFOLLOW = 2
export const FSPICK_NO_AUTOMOUNT = 4
export const FSPICK_EMPTY_PATH = 8
export const FSMOUNT_CLOEXEC = 1

// Commands of fsconfig(2).
export const FSCONFIG_SET_FLAG = 0
export const FSCONFIG_SET_STRING = 1
export const FSCONFIG_SET_BINARY = 2
export const FSCONFIG_SET_PATH = 3
export const FSCONFIG_SET_PATH_EMPTY = 4
export const FSCONFIG_SET_FD = 5
export const FSCONFIG_CMD_CREATE = 6
export const FSCONFIG_CMD_RECONFIGURE = 7
export const FSCONFIG_CMD_CREATE_EXCL = 8 // Linux 6.6

// Attributes of fsmount(2) and mount_setattr(2).
export const MOUNT_ATTR_RDONLY = 1
export const MOUNT_ATTR_NOSUID = 2
export const MOUNT_ATTR_NODEV = 4
export const MOUNT_ATTR_NOEXEC = 8
export const MOUNT_ATTR__ATIME = 0x70
export const MOUNT_ATTR_RELATIME = 0
export const MOUNT_ATTR_NOATIME = 0x10
export const MOUNT_ATTR_STRICTATIME = 0x20
export const MOUNT_ATTR_NODIRATIME = 0x80
export const MOUNT_ATTR_IDMAP = 0x100000
export const MOUNT_ATTR_NOSYMFOLLOW = 0x200000

// Mask of statmount(2) and special ids of listmount(2).
export const STATMOUNT_SB_BASIC = 1 // Linux 6.8
export const STATMOUNT_MNT_BASIC = 2 // Linux 6.8
export const STATMOUNT_PROPAGATE_FROM = 4 // Linux 6.8
export const STATMOUNT_MNT_ROOT = 8 // Linux 6.8
export const STATMOUNT_MNT_POINT = 0x10 // Linux 6.8
export const STATMOUNT_FS_TYPE = 0x20 // Linux 6.8
export const LSMT_ROOT = 0xffffffffffffffffn // Linux 6.8
export const STATMOUNT_MNT_NS_ID = 0x40 // Linux 6.11
export const STATMOUNT_MNT_OPTS = 0x80 // Linux 6.11
export const LISTMOUNT_REVERSE = 1 // Linux 6.11
export const STATMOUNT_FS_SUBTYPE = 0x100 // Linux 6.13
export const STATMOUNT_SB_SOURCE = 0x200 // Linux 6.13
export const STATMOUNT_OPT_ARRAY = 0x400 // Linux 6.13
