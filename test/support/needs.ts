/**
 * Prerequisites of tests: how to find out whether one is there, and what to do when it is not.
 *
 * @module
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { release } from 'node:os'
import process from 'node:process'
import { tool } from '../system/tools.ts'
import { executorPath, inRepository, vserverPath } from './paths.ts'

interface Need {
  readonly probe: () => boolean
  readonly remedy: string
  /** No package brings it: it takes another kernel, or another set-up of the host. */
  readonly ofTheHost?: true
}

function places(): string {
  return `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`
}

/** Whether a program is found along PATH. */
function onPath(program: string): boolean {
  return places().split(delimiter).some((place) =>
    place !== '' && isExecutable(join(place, program))
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch (error) {
    // ENOENT, EACCES, ENOTDIR: all mean that nobody can run it.
    if (error instanceof Error) return false
    throw error
  }
}

function program(name: string, debianPackage = name): Need {
  return { probe: () => onPath(name), remedy: `apt-get install ${debianPackage}` }
}

function mounted(type: string): boolean {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  return lines.some((line) => line.split(' ')[2] === type)
}

/** A feature of kernel and host. Where it is missing, the lab has a machine that has it. */
function feature(probe: () => boolean): Need {
  return { probe, remedy: 'run the test in the lab: npm run lab', ofTheHost: true }
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return first > major || (first === major && second >= minor)
}

/** Whether the kernel has a module, built in or to be loaded. */
function hasModule(name: string): boolean {
  if (existsSync(`/sys/module/${name}`)) return true
  return spawnSync('modprobe', ['-q', name], { env: { ...process.env, PATH: places() } }).status ===
    0
}

const needs: Readonly<Record<string, Need>> = {
  root: { probe: () => process.getuid?.() === 0, remedy: 'run the tests as root (sudo npm test)' },
  executor: {
    probe: () => existsSync(executorPath),
    remedy: 'sh build/executor.sh',
  },
  vserver: {
    probe: () => existsSync(vserverPath),
    remedy: 'npm run build',
  },
  gcc: program('gcc'),
  clang: program('clang'),
  sanitizers: {
    probe: () => onPath('clang') && clangRuntime('libclang_rt.asan-x86_64.a'),
    remedy: 'apt-get install clang libclang-rt-dev',
  },
  libfuzzer: {
    probe: () => onPath('clang') && clangRuntime('libclang_rt.fuzzer-x86_64.a'),
    remedy: 'apt-get install clang libclang-rt-dev',
  },
  'kernel-headers': {
    probe: () => existsSync('/usr/include/linux/mount.h'),
    remedy: 'apt-get install linux-libc-dev',
  },
  mmdebstrap: program('mmdebstrap'),
  losetup: program('losetup', 'mount'),
  fincore: program('fincore', 'util-linux-extra'),
  'mkfs.ext4': program('mkfs.ext4', 'e2fsprogs'),
  script: program('script', 'bsdutils'),
  tar: program('tar'),
  tinyproxy: program('tinyproxy', 'tinyproxy-bin'),
  xz: program('xz', 'xz-utils'),
  zstd: program('zstd'),
  setfacl: program('setfacl', 'acl'),
  getfattr: program('getfattr', 'attr'),
  setcap: program('setcap', 'libcap2-bin'),
  qemu: program('qemu-system-x86_64', 'qemu-system-x86'),
  busybox: program('busybox', 'busybox-static'),
  depmod: program('depmod', 'kmod'),
  'mkfs.xfs': program('mkfs.xfs', 'xfsprogs'),
  'mkfs.btrfs': program('mkfs.btrfs', 'btrfs-progs'),
  'musl-gcc': program('musl-gcc', 'musl-tools'),
  'test-tools': {
    probe: () => onPath('gcc') || existsSync(inRepository('dist/test-tools/init')),
    remedy: 'apt-get install gcc',
  },
  debian: {
    probe: () => onPath('mmdebstrap') || existsSync(inRepository('dist/debian')),
    remedy: 'apt-get install mmdebstrap',
  },
  cgroup2: { probe: () => mounted('cgroup2'), remedy: 'mount -t cgroup2 none /sys/fs/cgroup' },
  // Controllers on v1 hierarchies are not in this list.
  'cgroup2-controllers': feature(() =>
    /\bmemory\b/.test(text('/sys/fs/cgroup/cgroup.controllers'))
  ),
  // Before, where the BPF security module is on, anybody may give files of theirs security attributes.
  'linux-6.11': feature(() => isAtLeast(release(), 6, 11)),
  // A pidfd tells how its process ended; without that no forker stays in guests.
  'linux-6.15': feature(() => isAtLeast(release(), 6, 15)),
  systemd: feature(() => existsSync('/run/systemd/system')),
  'no-systemd': feature(() => !existsSync('/run/systemd/system')),
  modules: feature(() => existsSync('/proc/modules')),
  quota: feature(() => hasModule('quota_v2')),
  // Programs are worth nothing where the kernel has no quotas.
  'quota-tools': feature(() =>
    hasModule('quota_v2') && ['setquota', 'xfs_quota', 'mkfs.xfs', 'mkfs.ext4'].every(onPath)
  ),
  ipvlan: feature(() => hasModule('ipvlan')),
  wireguard: feature(() => hasModule('wireguard')),
  dummy: feature(() => hasModule('dummy')),
  apparmor: feature(() => text('/sys/module/apparmor/parameters/enabled').startsWith('Y')),
  landlock: feature(() => text('/sys/kernel/security/lsm').includes('landlock')),
  // Confidential machines answer SIGSEGV, whatever their kernel was built with.
  ia32: feature(() => spawnSync(tool('int80')).status === 0),
}

function text(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** Whether clang finds a library of its compiler runtime (it answers with the bare name when not). */
function clangRuntime(library: string): boolean {
  const name = library.replace('-x86_64', '')
  return [library, name].some((file) => {
    const result = spawnSync('clang', [`-print-file-name=${file}`], { encoding: 'utf8' })
    return existsSync(result.stdout.trim())
  })
}

const found = new Map<string, string | undefined>()

/** Whether this is something that no package can bring, so that a test without it belongs into the lab. */
export function isOfTheHost(name: string): boolean {
  return Object.hasOwn(needs, name) && needs[name]?.ofTheHost === true
}

/**
 * Tells what is missing, with a remedy, or `undefined` when the prerequisite is there. Any name that
 * is not in the table is a program that must be on PATH. Asked once per process.
 */
export function missing(name: string): string | undefined {
  if (!found.has(name)) {
    const need = Object.hasOwn(needs, name) ? needs[name] : program(name)
    found.set(name, need === undefined || need.probe() ? undefined : `no ${name} (${need.remedy})`)
  }
  return found.get(name)
}
