/**
 * A Debian of a few hundred kilobytes that configures with the real dpkg: empty packages by the names that
 * every system has, and the programs of this host in two of them.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tool } from '../../system/tools.ts'
import { directory, file, link, type PackageSpec } from './deb.ts'

const programs = [
  '/usr/bin/dash',
  '/usr/bin/dpkg',
  '/usr/bin/dpkg-deb',
  '/usr/bin/dpkg-split',
  '/usr/bin/find',
  '/usr/bin/rm',
  '/usr/bin/chown',
  '/usr/bin/chmod',
  '/usr/bin/sleep',
  '/usr/bin/tar',
  '/usr/bin/diff',
]

/** The dynamic libraries of programs, by the paths that they ask for, and what those lead to. */
function libraries(): readonly string[] {
  const text = programs.map((path) => execFileSync('ldd', [path], { encoding: 'utf8' })).join('')
  const found = text.match(/\/(usr\/)?lib(64)?\/[^ )]+/g) ?? []
  return [...new Set(found.map((path) => path.replace(/^\/usr/, '')))].sort()
}

function directoriesOf(paths: readonly string[]): readonly string[] {
  const found = new Set<string>()
  for (const path of paths) {
    const parts = path.split('/').slice(1, -1)
    parts.forEach((_, index) => found.add(`.${`/${parts.slice(0, index + 1).join('/')}`}`))
  }
  return [...found].sort()
}

const passwd = 'root:x:0:0:root:/root:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n'
const essential = 'Essential: yes'

/** The base of every suite of the tests. */
export function miniDebian(): readonly PackageSpec[] {
  const libs = libraries()
  const inUsr = libs.map((path) => `/usr${path}`)
  return [
    {
      name: 'base-files',
      fields: [essential, 'Priority: required', 'Depends: libc6'],
      data: [
        directory('./etc'),
        file('./etc/passwd', passwd),
        file('./etc/group', 'root:x:0:\n'),
        directory('./root', 0o700),
        directory('./run'),
        directory('./tmp', 0o1777),
        directory('./var'),
      ],
      control: { conffiles: '/etc/group\n' },
    },
    {
      name: 'libc6',
      fields: ['Multi-Arch: same'],
      data: [
        ...directoriesOf(inUsr).map((path) => directory(path)),
        ...inUsr.map((path) => file(`.${path}`, readFileSync(path), 0o755)),
      ],
    },
    {
      name: 'dpkg',
      fields: [essential, 'Pre-Depends: libc6'],
      data: [
        ...directoriesOf(['/usr/bin/x', '/usr/sbin/x']).map((path) => directory(path)),
        ...programs.map((path) => file(`.${path}`, readFileSync(path), 0o755)),
        link('./usr/bin/sh', 'dash'),
        // dpkg wants to see them on its path, and runs none of them here.
        ...['ldconfig', 'start-stop-daemon'].map((name) =>
          file(`./usr/sbin/${name}`, '#!/bin/sh\nexit 0\n', 0o755)
        ),
      ],
      control: { preinst: '#!/bin/sh\n[ "$1" = install ] && : >/var/dpkg-preinst\n' },
    },
    {
      name: 'systemd-sysv',
      fields: ['Depends: libc6'],
      data: [
        directory('./usr'),
        directory('./usr/sbin'),
        file('./usr/sbin/init', readFileSync(tool('init')), 0o755),
      ],
    },
    { name: 'usr-is-merged' },
    ...['apt', 'dbus', 'debian-archive-keyring', 'login', 'passwd', 'util-linux'].map((name) => ({
      name,
      fields: ['Depends: libc6'],
    })),
  ]
}
