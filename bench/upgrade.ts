/**
 * Debian guests that are upgraded to the next release by their own apt, over the host's network: what the
 * figures of unification are taken on. Nothing here is measured, so all of it lets others go first.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository } from '../test/support/paths.ts'
import { type Product, runCommand } from '../test/system/product.ts'
import { productOnFreshDisk } from './place.ts'

const suites = { from: 'bookworm', to: 'trixie' } as const

/** A server: perl and Python with what is written in it, headers, manual pages, an editor, and a daemon. */
const packages = 'perl,python3-django,openssh-server,vim,man-db,tzdata,linux-libc-dev'

/** Guests of this mode are on the host's network. Ports are the host's: no service may be started. */
const networkPlugin = `export default {
  name: 'net-host',
  api: 1,
  networkModes: [
    { mode: 'host', doc: 'the network of the host itself', namespace: 'host', steps: () => [] },
  ],
}
`

/** What an administrator types, and what makes it quick: no wait for the disk, no service started. */
const upgradeScript = `set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
cat >/etc/resolv.conf
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
sed -i s/${suites.from}/${suites.to}/ /etc/apt/sources.list
apt() {
  apt-get -qq -y -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false \\
    -o APT::Keep-Downloaded-Packages=false -o Dpkg::Options::=--force-unsafe-io \\
    -o Dpkg::Options::=--force-confnew "$@"
}
apt update
apt full-upgrade
apt autoremove --purge
apt clean
rm -f /usr/sbin/policy-rc.d /var/lib/apt/lists/*_dists_* /var/cache/apt/*.bin
`

const nice = ['nice', '-n', '19']

/** A command that nobody measures. @throws {Error} with what it said when it fails */
export function prepare(argv: readonly string[], options: { input?: string } = {}): void {
  const { code, stderr } = runCommand([...nice, ...argv], { ...options, timeoutMs: 1_800_000 })
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr.slice(-2000)}`)
}

/** Lets the guests of this root use the host's network. */
export function allowHostNetwork(it: Product): void {
  const directory = join(it.root, 'etc/vserver/plugins/net-host')
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  writeFileSync(join(directory, 'plugin.mjs'), networkPlugin)
}

/** Upgrades a stopped guest, and stops it again. */
export function upgradeGuest(it: Product, name: string): void {
  it.must('set', name, 'network.mode=host')
  prepare(it.argv('start', '--wait', name))
  const input = readFileSync('/etc/resolv.conf', 'utf8')
  prepare(it.argv('exec', name, '--', 'sh', '-c', upgradeScript), { input })
  prepare(it.argv('stop', name))
  it.must('set', name, '--unset', 'network.mode')
}

export interface Upgrade {
  /** Tree of the server before. */
  readonly server: string
  /** What a guest of that tree has written when it is upgraded: its upper directory. */
  readonly written: string
}

/** One real upgrade, which is made once, and kept. */
export function keptUpgrade(): Upgrade {
  const server = inRepository('dist/bench/server')
  const written = inRepository('dist/bench/server-upgraded')
  if (existsSync(server) && existsSync(written)) return { server, written }
  const it = productOnFreshDisk()
  try {
    allowHostNetwork(it)
    const include = ['--option', `include=${packages}`]
    prepare(it.argv('create', 'server', '--from', `debian:${suites.from}`, ...include))
    const [{ template }] = JSON.parse(it.must('list', '--json'))
    upgradeGuest(it, 'server')
    rmSync(server, { recursive: true, force: true })
    mkdirSync(inRepository('dist/bench'), { recursive: true })
    prepare(['cp', '-a', join(it.root, 'var/lib/vserver/templates', template), server])
    // The second of the two: only a whole one has its name.
    const partial = `${written}.partial`
    rmSync(partial, { recursive: true, force: true })
    prepare(['cp', '-a', it.guest('server', 'upper'), partial])
    execFileSync('mv', [partial, written])
    return { server, written }
  } finally {
    it.dispose()
  }
}
