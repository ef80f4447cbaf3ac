/**
 * The host with systemd: Debian, made by our own bootstrapper.
 *
 * @module
 */
import { globSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vserverPath } from '../support/paths.ts'
import { inLab, LabError, run } from './places.ts'

/** What the system tests use of a host, and a person who looks around. */
const packages = [
  ...['acl', 'attr', 'e2fsprogs', 'iproute2', 'kmod', 'libcap2-bin', 'libpam-systemd', 'mount'],
  ...['procps', 'quota', 'udev', 'xfsprogs', 'xz-utils', 'zstd', 'btrfs-progs', 'fdisk'],
]

const agent = `[Unit]
Description=Agent of the lab
DefaultDependencies=no
After=local-fs.target dbus.socket
[Service]
ExecStart=/lab/busybox sh /lab/agent.sh
Restart=always
KillMode=process
[Install]
WantedBy=multi-user.target
`

/** Makes the tree of the host. */
export async function systemdTree(tree: string): Promise<void> {
  const root = inLab('bootstrap')
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const vserver = [vserverPath, '--root', root, '--quiet']
  const include = `include=${packages.join(',')}`
  const from = ['--from', 'debian:trixie', '--option', include]
  await run('make the host with systemd', [...vserver, 'create', 'host', ...from])
  try {
    const [template] = globSync(join(root, 'var/lib/vserver/templates/debian-trixie-*/'))
    if (template === undefined) throw new LabError(`Cannot find a template in ${root}`)
    await run('copy the host with systemd', ['cp', '-a', `${template}/.`, tree])
  } finally {
    await run('remove a guest', [...vserver, 'destroy', '--yes', 'host'])
  }
  const units = join(tree, 'etc/systemd/system')
  mkdirSync(join(units, 'multi-user.target.wants'), { recursive: true })
  writeFileSync(join(units, 'lab.service'), agent)
  symlinkSync('../lab.service', join(units, 'multi-user.target.wants/lab.service'))
  // Serial lines are the lab's, and /tmp is to be a disk.
  for (const name of ['serial-getty@ttyS0.service', 'tmp.mount']) {
    symlinkSync('/dev/null', join(units, name))
  }
  writeFileSync(join(tree, 'etc/hostname'), 'lab\n')
}
