/**
 * A Debian system from the mirror, against mmdebstrap with the same packages from the same archives:
 * alternating, on a fresh journaled file system, once with what was fetched before and once without.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { binary } from '../test/system/product.ts'
import { type Figure, ratio, type Report, summarize } from './harness.ts'
import { freshFileSystem, type Place } from './place.ts'

const suite = 'bookworm'
const include = 'systemd-sysv,dbus,login,passwd,util-linux,debian-archive-keyring'

function run(argv: readonly string[]): number {
  const [program = '', ...args] = argv
  const started = process.hrtime.bigint()
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`)
  return Number(process.hrtime.bigint() - started)
}

/** One bootstrap of ours. `cached`: what was fetched stays for it. */
function ours(place: Place, cached: boolean): number {
  const root = join(place.path, 'root')
  const lib = join(root, 'var/lib/vserver')
  const call = (...args: readonly string[]) => [binary, '--root', root, ...args]
  spawnSync(binary, call('destroy', '--yes', 'debian').slice(1), { stdio: 'ignore' })
  rmSync(join(lib, 'templates'), { recursive: true, force: true })
  if (!cached) rmSync(join(lib, 'cache'), { recursive: true, force: true })
  mkdirSync(root, { recursive: true, mode: 0o700 })
  return run(call('create', 'debian', '--from', `debian:${suite}`, '--refresh'))
}

/** One bootstrap of mmdebstrap, from the archives that ours used. */
function theirs(place: Place, cached: boolean): number {
  const templates = join(place.path, 'root/var/lib/vserver/templates')
  const [template = ''] = readdirSync(templates)
  const sources = readFileSync(join(templates, template, 'etc/apt/sources.list'), 'utf8').trim()
  const pool = join(place.path, 'pool')
  const tree = join(place.path, 'tree')
  rmSync(tree, { recursive: true, force: true })
  if (!cached) rmSync(pool, { recursive: true, force: true })
  mkdirSync(pool, { recursive: true })
  const archives = '"$1"/var/cache/apt/archives'
  return run([
    'mmdebstrap',
    '--quiet',
    '--mode=root',
    '--variant=minbase',
    '--format=directory',
    `--include=${include}`,
    '--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr',
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=APT::Keep-Downloaded-Packages "true"',
    '--skip=download/empty',
    `--setup-hook=mkdir -p ${archives}; ln ${pool}/*.deb ${archives}/ 2>/dev/null || true`,
    `--essential-hook=ln ${archives}/*.deb ${pool}/ 2>/dev/null || true`,
    `--customize-hook=ln ${archives}/*.deb ${pool}/ 2>/dev/null || true`,
    suite,
    tree,
    ...sources.split('\n'),
  ])
}

/** Bootstraps with and without the network. */
export function benchBootstrap(quick: boolean): Promise<readonly Report[]> {
  const place = freshFileSystem()
  try {
    const measure = (cached: boolean): Figure[] => {
      const times: [number[], number[]] = [[], []]
      for (let count = 0; count < (quick ? 1 : 3); count++) {
        times[0].push(ours(place, cached))
        times[1].push(theirs(place, cached))
      }
      return [summarize('vserver create', times[0]), summarize('mmdebstrap', times[1])]
    }
    return Promise.resolve([false, true].map((cached) => {
      const figures = measure(cached)
      return {
        title: `Debian ${suite}, ${cached ? 'packages cached' : 'from the network'}`,
        figures,
        bars: [ratio(figures, 'vserver create', 'mmdebstrap', 0.7)],
        notes: [],
      }
    }))
  } finally {
    place.dispose()
  }
}
