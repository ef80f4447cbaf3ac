/**
 * The start plan: how a guest comes to be, and how its remains are removed. Pure.
 *
 * Two processes work side by side. HOST becomes the supervisor; GUEST, which it clones early, becomes the
 * guest's init. While GUEST creates the namespaces that cost most, HOST mounts the root; then HOST,
 * which alone has rights over the mount namespace, builds everything that the guest must not undo; then
 * GUEST copies that namespace into its own, where all of it is locked, and runs init.
 *
 * @module
 */
import { guestCgroup } from '../cgroup/layout.ts'
import { delegateCgroup, joinV1, makeCgroup, removeCgroup } from '../cgroup/steps.ts'
import { errors } from '../errors.ts'
import { guestFilter } from './filter.ts'
import { fillDev, makeConsole, makeNotifySocket, notifyPath } from './dev.ts'
import type { Compiled, Facts, GuestInput } from './input.ts'
import * as mounts from './mounts.ts'
import {
  guestLimits,
  keptCapabilities,
  maskedPaths,
  readOnlyPaths,
  type ResourceLimit,
  unlimited,
} from './policy.ts'
import * as process from './process.ts'
import { compileSteps, type Step } from './step.ts'

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Environment that every program inside starts with. */
export function baseEnvironment(guest: GuestInput): readonly string[] {
  return [`PATH=${searchPath}`, 'container=vserver', ...guest.env]
}

/**
 * The limits of a guest on this host.
 *
 * @throws {VServerError} E_HOST when the caller's own are too low for any guest
 */
export function limitsFor(guest: GuestInput, facts: Facts): readonly ResourceLimit[] {
  const { limits, shortages } = guestLimits(facts.hardLimits)
  const [short] = shortages
  if (short !== undefined) {
    throw errors.E_HOST(
      `Cannot start "${guest.name}": the caller's limit on ${short.name} is ${short.has}, and ` +
        (short.needs === unlimited
          ? 'a guest needs none'
          : `a guest needs at least ${short.needs}`),
      { hint: 'raise the hard limits of the calling shell (see ulimit -H -a), then try again' },
    )
  }
  return limits
}

/** Plans HOST, GUEST, HELPER (on kernels before 6.18) and TEARDOWN. */
export function planStart(guest: GuestInput, facts: Facts): Compiled {
  const group = guestCgroup(facts.cgroup, guest)
  const limits = limitsFor(guest, facts)
  const network = (program: Step['role']) =>
    guest.network.steps.filter((one) => one.role === program)
  const base = guest.ids.first
  const steps: readonly Step[] = [
    // HOST, up to the clone
    ...process.setLimits('HOST', limits),
    makeCgroup(group),
    process.becomeGuestUid(base, facts.capabilities),
    delegateCgroup(),
    process.ownClocks(),
    mounts.hostMountNamespace(),
    process.watchExec(),
    process.makeInit(),
    // GUEST, beside it
    process.dieWithParent(),
    joinV1('GUEST', group),
    process.ownNamespaces(guest.network.own),
    process.openGate('GUEST', 'namespaces'),
    ...network('GUEST'),
    // HOST: the tree
    process.mapIds(guest.ids, facts.procPidNamespace),
    mounts.mountRoot({ ...guest, detachedLayers: facts.detachedLayers }),
    mounts.attachRoot(),
    ...fillDev(base + 5),
    makeConsole(),
    makeNotifySocket(),
    process.waitGate('HOST', 'namespaces'),
    ...network('HOST'),
    ...mounts.mountKernelFileSystems({ pidNamespaceOption: facts.procPidNamespace }),
    ...readOnlyPaths
      .filter(([path]) => facts.present.has(path))
      .map(([path, except]) => mounts.readOnly(place(path), path, except)),
    ...maskedPaths
      .filter(([path]) => facts.present.has(path))
      .map(([path, how]) => mounts.mask(place(path), how, path)),
    ...guest.mounts.map((mount, index) =>
      mounts.bindMount({
        source: mount.source,
        target: mount.target,
        directory: facts.directories.has(mount.source),
        flags: ['noSuid', 'noDev', ...(mount.readOnly ? ['readOnly' as const] : [])],
        origin: { key: `mounts[${index}]` },
      })
    ),
    mounts.pivot(),
    process.openGate('HOST', 'root'),
    // GUEST: into it
    process.waitGate('GUEST', 'root'),
    process.ownMounts(),
    process.setHostname(guest.hostname),
    process.takeConsole(),
    process.becomeRootInside('GUEST', keptCapabilities, facts.lastCapability),
    process.dieWithParent(),
    process.closeDescriptors('GUEST'),
    process.filterCalls('GUEST', guestFilter()),
    process.execInit(guest.init, [
      ...baseEnvironment(guest),
      `NOTIFY_SOCKET=${notifyPath}`,
      'TERM=linux',
    ]),
    // HOST: what is left to do beside init
    mounts.release([
      'hostMounts',
      'host-net',
      'host-cgroup',
      'userNamespace',
      ...(facts.procPidNamespace ? ['pidNamespace'] : ['host-pid']),
      'initProc',
      'root',
      'dev',
      'shm',
      'proc',
      'sys',
      'sysCgroup',
      'cgroup',
      'payload',
      ...group.v1.map((_, index) => `tasks${index}`),
    ]),
    process.awaitExec(),
    // TEARDOWN
    ...network('TEARDOWN'),
    removeCgroup(group),
  ]
  const identity = (path: string) => ({ path, only: 'identity' as const })
  return {
    plan: compileSteps(guest.name, steps),
    steps,
    inputs: [
      ...guest.lowers.map(identity),
      ...['', '/upper', '/work'].map((below) => identity(`${guest.writable}${below}`)),
      ...guest.mounts.map(({ source }) => identity(source)),
      ...[group.parent, ...group.v1].map(identity),
    ],
  }
}

/** A path below `/proc` or `/sys` as a place below that mount. */
export function place(path: string): mounts.Place {
  const [, mount, ...rest] = path.split('/')
  return { mount: mount ?? '', path: rest.join('/') }
}
