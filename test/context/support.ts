import type { Facts, GuestInput } from '../../core/context/index.ts'
import none from '../../plugins/net-none/index.ts'

/** A guest with one of everything. */
export const guest: GuestInput = {
  name: 'web',
  digest6: '8a5eda',
  hostname: 'web.example',
  ids: { first: 2_000_000_000, count: 65536 },
  lowers: ['/var/lib/vserver/layers/l1', '/var/lib/vserver/templates/t1'],
  writable: '/var/lib/vserver/guests/web',
  mounts: [
    { source: '/srv/www', target: '/var/www', readOnly: true },
    { source: '/srv/hosts', target: '/etc/hosts', readOnly: false },
  ],
  init: { path: '/sbin/init', args: ['--log-level=info'] },
  env: ['LANG=C.UTF-8'],
  network: {
    own: true,
    steps: none.networkModes[0]?.steps() ?? [],
  },
}

/** A host with Linux 6.18 and a hybrid cgroup layout. */
export const hybrid: Facts = {
  cgroup: {
    unified: '/sys/fs/cgroup/unified',
    holder: undefined,
    controllers: [],
    v1: [
      { controllers: 'memory', path: '/sys/fs/cgroup/memory' },
      { controllers: 'cpuset', path: '/sys/fs/cgroup/cpuset' },
    ],
    cpuset: { cpus: '0-1', mems: '0' },
  },
  capabilities: 0x1fffeffffffn,
  lastCapability: 40,
  hardLimits: undefined,
  procPidNamespace: true,
  detachedLayers: true,
  present: new Set(['/proc/keys', '/proc/acpi', '/proc/sys', '/sys/firmware']),
  directories: new Set(['/srv/www']),
}

/** A systemd host with Linux 6.1 and cgroup2 alone. */
export const stock: Facts = {
  ...hybrid,
  cgroup: {
    unified: '/sys/fs/cgroup/system.slice/vserver-8a5eda.service',
    holder: 379,
    controllers: ['cpu', 'memory', 'pids'],
    v1: [],
    cpuset: undefined,
  },
  procPidNamespace: false,
  detachedLayers: false,
}
