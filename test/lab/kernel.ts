/**
 * Stock kernels: Debian's packages, with what a machine needs to start from them.
 *
 * @module
 */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { inRepository } from '../support/paths.ts'
import { encodeCpio, type Member } from './cpio.ts'
import { makeImage } from './image.ts'
import { dependency, unpack, update } from './packages.ts'
import { inLab, LabError, made, run } from './places.ts'

/** Versions by the suite that has them. The cloud flavour has all file systems and networks that matter. */
export const suites = { '5.10': 'bullseye', '6.1': 'bookworm', '6.12': 'trixie' } as const

export type KernelName = keyof typeof suites

export interface Kernel {
  readonly name: KernelName
  /** What `uname -r` says. */
  readonly release: string
  readonly image: string
  /** An ext4 image of /lib/modules. */
  readonly modules: string
  readonly initramfs: string
}

/** What a machine needs before it has its disks; the kernel asks for everything else itself. */
const early = ['virtio_pci', 'virtio_blk', 'ext4', 'xfs', 'btrfs']

/** @throws {LabError} when there is no such kernel, or its package cannot be had */
export async function kernel(name: KernelName): Promise<Kernel> {
  const directory = await made(inLab('kernels', name), (place) => prepare(name, place))
  const release = readFileSync(join(directory, 'release'), 'utf8')
  const initramfs = join(directory, 'initramfs')
  await writeFile(initramfs, encodeCpio(await firstFiles(directory)))
  return {
    name,
    release,
    image: join(directory, 'vmlinuz'),
    modules: join(directory, 'modules.ext4'),
    initramfs,
  }
}

async function prepare(name: KernelName, place: string): Promise<void> {
  const suite = suites[name]
  const archive = { suite, directory: inLab('apt', suite) }
  await update(archive)
  const tree = join(place, 'tree')
  const packageName = await dependency(archive, 'linux-image-cloud-amd64')
  await unpack(archive, packageName, tree)
  // trixie's packages have /usr/lib/modules alone.
  if (!existsSync(join(tree, 'lib'))) await symlink('usr/lib', join(tree, 'lib'))
  const modules = join(tree, 'lib/modules')
  const [release] = readdirSync(modules)
  const [image] = globSync(join(tree, 'boot/vmlinuz-*'))
  if (release === undefined || image === undefined) {
    throw new LabError(`Cannot use the package ${packageName}: it holds no kernel`)
  }
  const packed = globSync(join(modules, '**/*.ko.xz'))
  for (let at = 0; at < packed.length; at += 500) {
    await run('unpack modules', ['xz', '-d', '-T0', ...packed.slice(at, at + 500)])
  }
  await run('index the modules', ['depmod', '-b', tree, release])
  const first = join(place, 'early')
  await mkdir(first)
  for (const path of await earlyModules(tree, release)) {
    await run('copy a module', ['cp', path, first])
  }
  const order = (await earlyModules(tree, release)).map((path) => basename(path))
  await writeFile(join(first, 'order'), `${order.join('\n')}\n`)
  await makeImage(modules, { path: join(place, 'modules.ext4'), spare: 0 })
  await rename(image, join(place, 'vmlinuz'))
  await rm(tree, { recursive: true })
  await writeFile(join(place, 'release'), release)
}

/** Paths of the early modules and what they need, in the order in which they load. */
async function earlyModules(tree: string, release: string): Promise<readonly string[]> {
  const command = ['modprobe', '-d', tree, '-S', release, '--show-depends', '--all', ...early]
  const shown = await run('order the modules', command)
  const paths = shown.split('\n').flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? [])
  return [...new Set(paths)]
}

/** What the initramfs holds: busybox, the early modules, and our scripts. */
async function firstFiles(directory: string): Promise<readonly Member[]> {
  const program = (path: string, from: string): Member => ({
    path,
    mode: 0o100755,
    content: readFileSync(from),
  })
  const folder = (path: string): Member => ({ path, mode: 0o040755 })
  const busybox = (await run('find busybox', ['sh', '-c', 'command -v busybox'])).trim()
  const early = join(directory, 'early')
  const scripts = inRepository('test/lab/machine')
  return [
    ...['bin', 'dev', 'host', 'machine', 'modules', 'proc', 'sys', 'tree'].map(folder),
    program('init', join(scripts, 'init.sh')),
    program('bin/busybox', busybox),
    program('machine/busybox', busybox),
    ...readdirSync(scripts).filter((name) => name !== 'init.sh')
      .map((name) => program(`machine/${name}`, join(scripts, name))),
    ...readdirSync(early).map((name) => program(`modules/${name}`, join(early, name))),
  ]
}
