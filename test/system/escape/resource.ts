/**
 * What each probe of tools/escape_{resource,network}.c must print, and why. Pure data.
 *
 * @module
 */
import type { Row } from './row.ts'

/** Probes against limits, cgroups and the network. */
export const resourceRows: readonly Row[] = [
  ['limit.raise-nofile', ['EPERM'], 'hard limits go down only'],
  ['limit.raise-memlock', ['EPERM'], 'hard limits go down only, and it has one'],
  ['limit.raise-rtprio', ['EPERM'], 'hard limits go down only, and it has one'],
  ['limit.raise-nice', ['EPERM'], 'hard limits go down only, and it has one'],
  ['limit.raise-msgqueue', ['EPERM'], 'hard limits go down only, and it has one'],
  ['limit.lock-memory', ['EAGAIN', 'ENOMEM'], 'locked memory is limited'],
  ['priority.nice', ['EACCES', 'EPERM'], "above others only with the host's CAP_SYS_NICE"],
  ['priority.fifo', ['EPERM'], "real time only with the host's CAP_SYS_NICE"],
  ['priority.fifo-nested', ['EPERM'], "real time only with the host's CAP_SYS_NICE"],
  ['priority.io', ['EPERM'], "real time only with the host's CAP_SYS_NICE"],
  ['oom.lower-init', ['EACCES'], "only with the host's CAP_SYS_RESOURCE"],
  ['oom.lower-self', ['EACCES'], "only with the host's CAP_SYS_RESOURCE"],
  ['cgroup.leave', ['ENOENT', 'EACCES', 'EROFS'], 'the root of the cgroup namespace has no parent'],
  [
    'cgroup.own-memory',
    // EPERM where cgroup2 is mounted with nsdelegate, as systemd does.
    ['ENOENT', 'EACCES', 'EPERM'],
    "the group with the limits lies above the namespace's root",
  ],
  [
    'cgroup.own-pids',
    // EPERM where cgroup2 is mounted with nsdelegate, as systemd does.
    ['ENOENT', 'EACCES', 'EPERM'],
    "the group with the limits lies above the namespace's root",
  ],
  [
    'cgroup.own-cpu',
    // EPERM where cgroup2 is mounted with nsdelegate, as systemd does.
    ['ENOENT', 'EACCES', 'EPERM'],
    "the group with the limits lies above the namespace's root",
  ],
  ['cgroup.v2-above', ['ENOENT', 'EACCES'], 'a fresh mount has the same root'],
  [
    'cgroup.v1-memory',
    ['EACCES', 'EBUSY', 'EINVAL', 'ENODEV', 'EPERM'],
    "the files of its group are the host root's",
  ],
  [
    'cgroup.v1-pids',
    ['EACCES', 'EBUSY', 'EINVAL', 'ENOENT', 'ENODEV', 'EPERM'],
    "the files of its group are the host root's",
  ],
  [
    'cgroup.v1-devices',
    ['EACCES', 'EBUSY', 'EINVAL', 'ENODEV', 'EPERM'],
    "the files of its group are the host root's",
  ],
  [
    'cgroup.release-agent',
    ['ENOENT', 'EACCES', 'EBUSY', 'EINVAL', 'ENODEV', 'EPERM'],
    "only a hierarchy's root has one",
  ],
  [
    'cgroup.release-agent-rdma',
    ['EINVAL', 'EBUSY', 'ENODEV', 'EPERM'],
    "new hierarchies are the host root's",
  ],
  ['cgroup.release-agent-named', ['EPERM', 'ENODEV'], "new hierarchies are the host root's"],
  ['net.abstract-socket', ['ECONNREFUSED'], "abstract names are the network namespace's"],
  ['net.loopback-of-host', ['ECONNREFUSED'], 'its loopback is its own'],
  ['net.outside', ['ENETUNREACH'], 'mode none has no route'],
  ['net.links', ['CONTAINED'], 'mode none has a loopback alone'],
  ['net.packets', ['CONTAINED'], 'raw sockets hear the own loopback'],
  ['net.vsock', ['EAFNOSUPPORT'], 'reaches the hypervisor past every namespace'],
  ['net.audit', ['ECONNREFUSED', 'EPERM', 'EPROTONOSUPPORT'], "the audit log is the host's"],
  [
    'net.process-events',
    ['ECONNREFUSED', 'EPERM', 'CONTAINED', 'EPROTONOSUPPORT'],
    "the connector speaks in the host's network namespace only",
  ],
  ['net.tun', ['ENOENT'], '/dev holds what the host put there'],
  ['net.core-sysctl', ['ENOENT', 'EACCES', 'EROFS'], "the whole kernel's"],
]
