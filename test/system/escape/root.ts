/**
 * What each probe of tools/escape_root.c must print, and why. Pure data.
 *
 * @module
 */
import type { Row } from './row.ts'

/** Probes against the root directory. */
export const rootRows: readonly Row[] = [
  ['root.marker', ['ENOENT'], "the host's tree is not there"],
  ['root.dotdot', ['ENOENT'], 'the root is its own parent'],
  ['root.dotdot-proc', ['ENOENT'], "climbing ends at the guest's root"],
  ['root.dotdot-sys', ['ENOENT'], "climbing ends at the guest's root"],
  ['root.dotdot-dev-pts', ['ENOENT'], "climbing ends at the guest's root"],
  ['root.dotdot-cgroup', ['ENOENT'], "climbing ends at the guest's root"],
  ['root.dotdot-mount', ['ENOENT'], "an extra mount's parent is the guest's directory"],
  ['root.proc-1-root', ['ENOENT'], "init has the guest's root"],
  ['root.proc-1-root-dotdot', ['ENOENT'], "init has the guest's root"],
  ['root.proc-1-cwd', ['ENOENT'], "init starts in the guest's root"],
  ['root.proc-self-cwd', ['ENOENT'], "exec starts in the guest's root"],
  ['root.proc-root-chain', ['ENOENT'], "init has the guest's root"],
  ['root.cwd', ['ENOENT'], "exec starts in the guest's root"],
  ['root.chroot', ['ENOENT'], "beyond a chroot is the guest's root: the old root is unmounted"],
  ['root.chroot-fchdir', ['ENOENT'], "beyond a chroot is the guest's root"],
  ['root.pivot', ['ENOENT'], 'beyond the old root is nothing'],
  ['root.umount', ['EINVAL'], 'the root of a namespace cannot be unmounted'],
  ['root.openat2', ['ENOENT'], "climbing ends at the guest's root"],
  ['root.openat2-in-root', ['ENOENT'], 'climbing ends at the directory'],
  ['descriptor.inherited', ['EBADF'], 'nothing but 0 to 2 survives into the guest'],
  ['descriptor.fchdir', ['EBADF', 'ENOTDIR'], 'no descriptor of a directory survives'],
  ['descriptor.proc-fd', ['ENOTDIR'], 'no descriptor of a directory survives'],
  ['handle.root', ['EPERM'], 'open_by_handle_at is filtered'],
  ['handle.mount', ['EPERM'], "open_by_handle_at is filtered, also for the host's file systems"],
  ['handle.dev-null', ['EPERM'], 'open_by_handle_at is filtered'],
  ['handle.proc', ['EPERM'], 'open_by_handle_at is filtered'],
  ['handle.sys', ['EPERM'], 'open_by_handle_at is filtered'],
]
