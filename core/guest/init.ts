/**
 * Which program a guest starts with, and how that program is asked to stop.
 *
 * @module
 */
import { basename } from 'node:path'
import { errors } from '../errors.ts'
import { signal, SIGRTMIN } from '../linux/signals.ts'
import { type Found, readHead, resolveInTree, type Tree } from './tree.ts'

/** Where distributions put it, in the order in which it is looked for. */
export const initPaths = [
  '/sbin/init',
  '/usr/lib/systemd/systemd',
  '/lib/systemd/systemd',
  '/bin/init',
  '/init',
] as const

export type InitKind = 'systemd' | 'busybox' | 'sysvinit' | 'openrc' | 'runit' | 's6' | 'other'

export interface Init {
  /** As it is called inside. */
  readonly path: string
  readonly args: readonly string[]
  readonly kind: InitKind
}

export interface StopRule {
  /** The signal that asks the init to shut down. */
  readonly signal: number
  /** Whether the init says `READY=1` on NOTIFY_SOCKET. */
  readonly notifies: boolean
}

/**
 * How an init is asked to stop. Pure.
 *
 * - systemd: SIGRTMIN+3 starts halt.target; systemd-nspawn does the same (systemd(1), "Signals").
 * - busybox: SIGUSR2 powers off, SIGUSR1 halts, SIGTERM reboots (busybox, init/init.c).
 * - sysvinit: SIGPWR runs the powerwait entry of inittab (init(8)); it has no signal that shuts down by
 *   itself, and container managers agree on this one (lxc.container.conf(5), lxc.signal.halt).
 * - openrc-init: SIGTERM shuts down, SIGINT reboots (openrc, src/openrc-init).
 * - runit: SIGINT runs /etc/runit/ctrlaltdel, and then stops if /etc/runit/stopit is executable;
 *   SIGCONT does only the second (runit(8)).
 * - s6-svscan as process 1: SIGUSR1 powers off, SIGUSR2 halts, SIGINT reboots (s6-linux-init).
 * - anything else: SIGTERM.
 */
export function stopRule(kind: InitKind): StopRule {
  switch (kind) {
    case 'systemd':
      return { signal: SIGRTMIN + 3, notifies: true }
    case 'busybox':
      return { signal: signal.SIGUSR2, notifies: false }
    case 'sysvinit':
      return { signal: signal.SIGPWR, notifies: false }
    case 'runit':
      return { signal: signal.SIGINT, notifies: false }
    case 's6':
      return { signal: signal.SIGUSR1, notifies: false }
    case 'openrc':
    case 'other':
      return { signal: signal.SIGTERM, notifies: false }
    default:
      return kind satisfies never
  }
}

/**
 * Finds a guest's init.
 *
 * @param guest `init` as configured
 * @throws {VServerError} E_NO_INIT
 */
export function findInit(
  guest: { name: string; tree: Tree; init: readonly string[] | undefined },
  verb: string,
): Init {
  const { name, tree, init } = guest
  if (init !== undefined) {
    const [path = '', ...args] = init
    const found = resolveInTree(tree, path)
    if (found === undefined || !isProgram(found)) {
      throw errors.E_NO_INIT(
        `Cannot ${verb} "${name}": its init "${path}" is ${found ? 'not a program' : 'not there'}`,
        { hint: 'correct "init" in guest.yaml' },
      )
    }
    return { path, args, kind: kindOf(found) }
  }
  for (const path of initPaths) {
    const found = resolveInTree(tree, path)
    if (found !== undefined && isProgram(found)) return { path, args: [], kind: kindOf(found) }
  }
  throw errors.E_NO_INIT(
    `Cannot ${verb} "${name}": it has no init (looked for ${initPaths.join(', ')})`,
    { hint: 'install an init in the tree, or name a program with the key "init"' },
  )
}

/** A regular file that somebody may execute. */
function isProgram({ stats }: Found): boolean {
  return stats.isFile() && (stats.mode & 0o111) !== 0
}

/** Tells inits apart by the file that the path really leads to, and for scripts and sysvinit by content. */
export function kindOf(found: Found): InitKind {
  const name = basename(found.path)
  if (name === 'systemd') return 'systemd'
  if (name.startsWith('busybox')) return 'busybox'
  if (name === 'openrc-init') return 'openrc'
  if (name === 'runit' || name === 'runit-init') return 'runit'
  if (name === 's6-svscan' || name === 's6-linux-init') return 's6'
  const head = readHead(found, 1 << 20)
  // s6-linux-init installs its /sbin/init as a script of this kind.
  if (head.subarray(0, 2).toString('latin1') === '#!') {
    return head.includes('s6-linux-init') ? 's6' : 'other'
  }
  // The fifo through which sysvinit takes orders.
  if (head.includes('/dev/initctl') || head.includes('/run/initctl')) return 'sysvinit'
  return 'other'
}
