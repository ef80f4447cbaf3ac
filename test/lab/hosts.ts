/**
 * The hosts: what is on their disks. Each is made once and kept.
 *
 * @module
 */
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeImage } from './image.ts'
import { inLab, made, run } from './places.ts'
import { systemdTree } from './systemd.ts'
import { muslTree } from './musl.ts'

export const hostNames = ['bare', 'systemd', 'musl'] as const
export type HostName = (typeof hostNames)[number]

export interface Host {
  /** An ext4 image of the root file system. */
  readonly image: string
  /** Path of pid 1. */
  readonly init: string
  /** Scripts that end it in its own manner. */
  readonly powerOff: string
  readonly reboot: string
}

/** Room on the root file system for what guests and tests write. */
const SPARE = 6 * 2 ** 30

/** Prepares a host. @throws {LabError} when its packages are not to be had, or the disk is too small */
export async function host(name: HostName): Promise<Host> {
  const image = await made(inLab('hosts', `${name}.ext4`), async (path) => {
    const tree = `${path}.tree`
    try {
      mkdirSync(tree)
      await trees[name](tree)
      await makeImage(tree, { path, spare: SPARE })
    } finally {
      await run('remove a tree', ['rm', '-rf', '--one-file-system', tree])
    }
  })
  if (name === 'systemd') {
    return {
      image,
      init: '/sbin/init',
      powerOff: 'systemctl poweroff',
      reboot: 'systemctl reboot',
    }
  }
  const init = name === 'musl' ? '/sbin/init' : '/lab/plain-init.sh'
  return { image, init, powerOff: 'sync; poweroff -f', reboot: 'sync; reboot -f' }
}

const trees: Readonly<Record<HostName, (tree: string) => Promise<void>>> = {
  bare: bareTree,
  systemd: systemdTree,
  async musl(tree) {
    await bareTree(tree)
    await muslTree(tree)
  },
}

/** Nothing but busybox: no C library, no packages, no init system. */
async function bareTree(tree: string): Promise<void> {
  const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sbin', 'sys', 'tmp']
  for (const name of directories) mkdirSync(join(tree, name), { recursive: true })
  chmodSync(join(tree, 'tmp'), 0o1777)
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  writeFileSync(join(tree, 'etc/group'), 'root:x:0:\n')
  const busybox = (await run('find busybox', ['sh', '-c', 'command -v busybox'])).trim()
  copyFileSync(busybox, join(tree, 'bin/busybox'))
  const applets = (await run('list busybox', [busybox, '--list'])).trim().split('\n')
  for (const applet of applets) {
    if (applet !== 'busybox') symlinkSync('busybox', join(tree, 'bin', applet))
  }
  // The kernel asks for modules by this name.
  symlinkSync('../bin/busybox', join(tree, 'sbin/modprobe'))
}
