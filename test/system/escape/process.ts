/**
 * What each probe of tools/escape_process.c must print, and why. Pure data.
 *
 * @module
 */
import type { Row } from './row.ts'

/** Probes against processes and namespaces of the host. */
export const processRows: readonly Row[] = [
  ['process.kill', ['ESRCH'], 'its own pid namespace: host processes have no number there'],
  ['process.signal-0', ['ESRCH'], 'its own pid namespace'],
  ['process.sigqueue', ['ESRCH'], 'its own pid namespace'],
  ['process.pidfd', ['ESRCH'], 'its own pid namespace'],
  ['process.proc-status', ['ENOENT'], 'its proc shows its own pid namespace'],
  ['process.proc-mem', ['ENOENT'], 'its proc shows its own pid namespace'],
  ['process.proc-root', ['ENOENT'], 'its proc shows its own pid namespace'],
  ['process.ptrace', ['ESRCH'], 'its own pid namespace'],
  ['process.vm-readv', ['ESRCH'], 'its own pid namespace'],
  ['process.vm-writev', ['ESRCH'], 'its own pid namespace'],
  ['process.kcmp', ['ESRCH'], 'its own pid namespace'],
  ['process.prlimit', ['ESRCH'], 'its own pid namespace'],
  ['process.affinity', ['ESRCH'], 'its own pid namespace'],
  ['process.nice', ['ESRCH'], 'its own pid namespace'],
  ['process.migrate-pages', ['ESRCH', 'EPERM'], 'its own pid namespace, or filtered'],
  ['process.parent', ['CONTAINED'], 'the parent is outside and reads as 0'],
  [
    'process.session',
    ['CONTAINED'],
    'exec makes a session, so no signal passes by a process group',
  ],
  ['namespace.host-user', ['ENOENT'], 'no path leads to a namespace of the host'],
  ['namespace.host-mnt-nested', ['ENOENT'], 'a namespace further down sees less, not more'],
  ['namespace.user-parent', ['EPERM'], 'the parent is out of reach (ioctl_ns(2))'],
  ['namespace.pid-parent', ['EPERM'], 'the parent is out of reach'],
  ['namespace.user-owner', ['EPERM'], 'the owner is out of reach'],
  ['namespace.not-inits', ['CONTAINED'], "an exec'd process is in every namespace of init"],
  ['namespace.by-handle', ['EPERM'], 'open_by_handle_at is filtered'],
  ['namespace.map-foreign-id', ['EPERM'], 'only ids that the guest has can be given on'],
  ['namespace.map-all-ids', ['EPERM'], 'only ids that the guest has can be given on'],
]
