/**
 * What a host holds for guests: mounts, links, cgroups, processes, claims of ids. Tests compare it before
 * and after: whatever dies wherever it dies, the next command leaves the host as it was.
 *
 * @module
 */
import { globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { digest6 } from '../../core/host/root.ts'

export interface Snapshot {
  readonly mounts: readonly string[]
  readonly links: readonly string[]
  readonly cgroups: readonly string[]
  readonly processes: readonly string[]
  readonly ids: readonly string[]
  readonly runtime: readonly string[]
  readonly loops: readonly string[]
}

/** Gives `otherwise` when what is read went away meanwhile, as processes do, or may not be read. */
function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    if (['ENOENT', 'ESRCH', 'ENOTDIR', 'EACCES', 'EINVAL'].includes(String(error.code))) {
      return otherwise
    }
    throw error
  }
}

/** The name of the cgroup directory of a root: every other root has another one. */
export function cgroupName(root: string): string {
  return `vserver-${digest6(root)}`
}

/**
 * Starts this program again with mounts and (unless told not to) a network of its own, if it has none yet: what others on this
 * machine mount or connect meanwhile is not seen then, and everything that is seen is ours. The mounts
 * are shared ones, as on an ordinary host, so a mount that escapes a guest's namespace shows.
 *
 * To be called before anything else is done; it does not come back from the first call. Without the
 * rights it does nothing: the suite is skipped then.
 */
export function inOwnNamespaces({ network = true } = {}): void {
  const marker = 'VSERVER_TEST_NAMESPACES'
  if (process.env[marker] !== undefined || process.getuid?.() !== 0) return
  if (process.execve === undefined) return
  const unshare = ['unshare', '--mount', '--propagation', 'private', ...(network ? ['--net'] : [])]
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  // Mounts of other tests go away even here, when their directories are removed.
  const others = "awk '$5 ~ /^.(var.)?tmp./ { print $5 }' /proc/self/mountinfo"
  const script = `${others} | tac | xargs -r umount -l -q; mount --make-rshared / && exec "$@"`
  process.execve('/usr/bin/unshare', [...unshare, 'sh', '-c', script, 'sh', ...again], {
    ...process.env,
    [marker]: '1',
  })
}

/** Mount points with their file systems. The ids differ from one mount to the next: they are left out. */
function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line !== '')
    .map((line) => line.split(' ').slice(3, 6).join(' '))
    .sort()
}

/** Network links of the namespace that we are in, which /sys need not show. */
function links(): string[] {
  return readFileSync('/proc/self/net/dev', 'utf8').split('\n')
    .flatMap((line) => /^\s*([^\s|]+):/.exec(line)?.[1] ?? [])
    .sort()
}

/** The root's directories in every cgroup hierarchy, with all below them. */
function cgroups(root: string): string[] {
  const found: string[] = []
  const walk = (path: string) => {
    found.push(path)
    for (const entry of orElse(() => readdirSync(path, { withFileTypes: true }), [])) {
      if (entry.isDirectory()) walk(join(path, entry.name))
    }
  }
  for (const path of globSync(`/sys/fs/cgroup/{,*/,*/*/}${cgroupName(root)}`)) walk(path)
  return found.sort()
}

/**
 * Does a process work on this root, or live in one of its guests? One that has ended and whose parent is
 * the host's init waits for that to take notice, which is not ours to hurry.
 */
function isOurs(pid: string, root: string): boolean {
  const status = orElse(() => readFileSync(`/proc/${pid}/status`, 'utf8'), '')
  if (/^State:\s+[ZX][^]*^PPid:\s+1$/m.test(status)) return false
  const command = orElse(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '')
  const exe = orElse(() => readlinkSync(`/proc/${pid}/exe`), '')
  const cgroup = orElse(() => readFileSync(`/proc/${pid}/cgroup`, 'utf8'), '')
  return command.includes(root) || exe.startsWith(root) || cgroup.includes(cgroupName(root))
}

function processes(root: string): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => isOurs(pid, root))
    .map((pid) => `${pid} ${orElse(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '')}`)
}

/** Claims of id ranges by guests of this root: links in a directory of the whole host, and records. */
function ids(root: string): string[] {
  const registry = '/var/lib/vserver/ids'
  const claims = orElse(() => readdirSync(registry), [])
    .map((entry) => `${entry} -> ${orElse(() => readlinkSync(join(registry, entry)), '')}`)
    .filter((claim) => claim.includes(root))
  const records = globSync(join(root, 'var/lib/vserver/guests/*/meta.json'))
    .map((path) => `${path} ${orElse(() => readFileSync(path, 'utf8'), 'gone')}`)
  return [...claims, ...records].sort()
}

/**
 * Files under /run that say something about guests. Kept plans stay by design, and a half-written one
 * until the next is written: see `halfWritten`.
 */
function runtime(root: string): string[] {
  return globSync(join(root, 'run/vserver/guests/*/*'))
    .filter((path) => !/(\.kept|\/lock|\/(\w+\.kept|started\.json)\.\d+\.tmp)$/.test(path))
    .sort()
}

/** What writers that died left of files of guests: nothing, once the same files were written again. */
export function halfWritten(root: string): string[] {
  return globSync(join(root, '{run,var/lib}/vserver/guests/*/*.tmp')).sort()
}

/** Takes stock. `root` is what `--root` names: processes are told by it. */
export function snapshot(root: string): Snapshot {
  return {
    mounts: mounts(),
    links: links(),
    cgroups: cgroups(root),
    processes: processes(root),
    ids: ids(root),
    runtime: runtime(root),
    loops: globSync('/sys/block/loop*/loop/backing_file').map((path) =>
      orElse(() => readFileSync(path, 'utf8'), '')
    )
      .filter((path) => path.startsWith(dirname(root))),
  }
}

/** Fails with the difference. */
export function assertSame(before: Snapshot, after: Snapshot, what = 'the host'): void {
  for (const [kind, old] of Object.entries(before)) {
    const now: unknown = Reflect.get(after, kind)
    assert.equal(now, old, `${what} is not as it was: ${kind}\n${difference(old, now)}`)
  }
}

function difference(before: readonly string[], after: unknown): string {
  const now = Array.isArray(after) ? after.map(String) : []
  const lost = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`)
  const more = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)
  return [...lost, ...more].join('\n')
}
