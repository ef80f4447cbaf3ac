/**
 * Where the cgroups of guests are. Pure.
 *
 * `vserver-<hex6>/NAME` carries the limits and belongs to the host; `payload` below it (in the cgroup2
 * tree) is delegated to the guest. On a host that still has version 1 hierarchies there is one
 * `vserver-<hex6>/NAME` in each of them too.
 *
 * @module
 */

/** What a host offers. */
export interface CgroupHost {
  /** Mount point of the cgroup2 tree, with the delegated cgroup of a systemd host below it. */
  readonly unified: string
  /** Process that keeps the delegated cgroup of a systemd host alive; it goes to the supervisors. */
  readonly holder: number | undefined
  /** Controllers of the cgroup2 tree that guests use; none in a hybrid layout. */
  readonly controllers: readonly string[]
  /** Version 1 hierarchies: their controllers and mount points. */
  readonly v1: readonly { readonly controllers: string; readonly path: string }[]
  /** CPUs and memory nodes of the version 1 cpuset's root, where there is one. */
  readonly cpuset: { readonly cpus: string; readonly mems: string } | undefined
}

/** The cgroup directories of one guest. */
export interface GuestCgroup {
  /** Directory that `parent` is in: it must hand the controllers down. */
  readonly base: string
  /** `…/vserver-<hex6>` in the cgroup2 tree. */
  readonly parent: string
  readonly name: string
  /** Where supervisors live: beside the guests, outside their limits and outside of login sessions. */
  readonly supervisors: string
  readonly holder: number | undefined
  /** The same in each version 1 hierarchy. */
  readonly v1: readonly string[]
  /** Controllers of the cgroup2 tree to hand down. */
  readonly controllers: readonly string[]
  readonly cpuset:
    | { readonly parent: string; readonly cpus: string; readonly mems: string }
    | undefined
}

/** Where a guest's cgroups are on this host. */
export function guestCgroup(
  host: CgroupHost,
  guest: { name: string; digest6: string },
): GuestCgroup {
  const parent = `vserver-${guest.digest6}`
  const cpuset = host.v1.find(({ controllers }) => controllers.split(',').includes('cpuset'))
  return {
    base: host.unified,
    parent: `${host.unified}/${parent}`,
    name: guest.name,
    supervisors: `${host.unified}/${parent}/_supervisors`,
    holder: host.holder,
    v1: host.v1.map(({ path }) => `${path}/${parent}`),
    controllers: host.controllers,
    cpuset: cpuset === undefined || host.cpuset === undefined
      ? undefined
      : { parent: `${cpuset.path}/${parent}`, ...host.cpuset },
  }
}
