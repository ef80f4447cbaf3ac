/**
 * Files of a fresh system that no package has.
 *
 * @module
 */
import type { Entry } from '../../core/host/tree/entry.ts'
import type { Look } from './look.ts'
import type { IndexPackage } from './package.ts'
import { madeDirectory, madeFile } from './unpack.ts'
import { satisfies } from './version.ts'

/** The one-line form, which every apt reads. Pure. */
export function sourcesList({ releases }: Pick<Look, 'releases'>): string {
  return releases.map(({ archive: { base, suite } }) => `deb ${base} ${suite} main\n`).join('')
}

/**
 * What packages expect to be there before they are unpacked. No host name and no name servers: these are
 * the guest's, and not of what many guests are made from.
 */
export function* bootFiles(): Generator<Entry> {
  for (
    const path of [
      'dev',
      'proc',
      'sys',
      'run',
      'etc',
      'etc/apt',
      'etc/apt/apt.conf.d',
      'etc/apt/preferences.d',
      'etc/apt/sources.list.d',
      'usr',
      'usr/sbin',
      'var',
      'var/cache',
      'var/cache/apt',
      'var/lib',
      'var/lib/apt',
      'var/lib/apt/lists',
      'var/lib/apt/lists/partial',
      'var/log',
      'var/log/apt',
    ]
  ) yield madeDirectory(path)
  yield madeDirectory('tmp', 0o1777)
  yield madeFile('etc/fstab', '# UNCONFIGURED FSTAB FOR BASE SYSTEM\n')
  // An init asks it before it starts a service; the configuring step removes it.
  yield madeFile('usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755)
}

/**
 * systemd before 248 does not start services with ProtectProc or ProtectControlGroups (systemd-logind has
 * both) where proc and cgroup mounts may not be made or changed, as in every guest. Later ones go on
 * without.
 */
export function* oldSystemdFiles(packages: readonly IndexPackage[]): Generator<Entry> {
  const systemd = packages.find(({ name }) => name === 'systemd')
  if (systemd === undefined || !satisfies(systemd.version, '<<', '248')) return
  for (const path of ['etc/systemd', 'etc/systemd/system', 'etc/systemd/system/service.d']) {
    yield madeDirectory(path)
  }
  yield madeFile(
    'etc/systemd/system/service.d/vserver.conf',
    '# this systemd cannot do it in a guest, and would not start the service\n' +
      '[Service]\nProtectControlGroups=no\nProtectProc=default\nProcSubset=all\n',
  )
}
