/**
 * Trees of mmdebstrap, and how ours differ from them.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Difference {
  readonly path: RegExp
  readonly why: string
  /** Makes equal what differs only in what is explained; without it everything may differ. */
  readonly same?: (text: string) => string
}

const sortedLines = (text: string) => text.split('\n').toSorted().join('\n')
const sortedStanzas = (text: string) =>
  text.split('\n\n').map((one) => one.trim()).toSorted().join('\n\n')

/** All that may differ, and why. */
export const explanations: readonly Difference[] = [
  {
    path: /^dev\/./,
    why: 'guests get a /dev of their own when they start; mmdebstrap makes nodes',
  },
  {
    path: /^etc\/hostname$/,
    why: 'the host name is the guest’s; mmdebstrap copies that of the host',
  },
  {
    path: /^etc\/resolv\.conf$/,
    why: 'name servers are the guest’s; mmdebstrap copies those of the host',
  },
  {
    path: /^etc\/apt\/apt\.conf\.d\/99mmdebstrap$/,
    why: 'options that mmdebstrap was called with',
  },
  {
    path: /^etc\/apt\/sources\.list$/,
    why: 'mmdebstrap puts empty lines between the sources',
    same: (text) => text.replace(/\n+/g, '\n'),
  },
  {
    path: /^etc\/(passwd|shadow|group|gshadow)$/,
    why: 'systemd and dbus are configured in another order, and so their users are made in another',
    same: sortedLines,
  },
  {
    path: /^etc\/(passwd|shadow|group|gshadow)-$/,
    why: 'the state before the last user was made; see above',
  },
  {
    path: /^var\/cache\/debconf\/config\.dat(-old)?$/,
    why: 'debconf keeps a stamp of the terminal and the order of questions',
  },
  { path: /^var\/lib\/dpkg\/status-old$/, why: 'the state before the last package' },
  {
    path: /^var\/lib\/dpkg\/triggers\/File$/,
    why: 'dpkg adds interests as it meets packages; we sort them',
    same: sortedLines,
  },
  {
    path: /^var\/lib\/apt\/extended_states$/,
    why: 'apt writes stanzas as it meets packages; we sort them',
    same: sortedStanzas,
  },
  {
    path: /^var\/(lib\/apt\/lists|cache\/apt\/archives)\/lock$/,
    why: 'apt never ran here, and makes its lock when it does',
  },
]

/** Names that a call makes; `-` for what is not there. */
type Look = ReadonlyMap<string, string>

/** Kind, mode, owner, size of files, links, content and capabilities of every name. */
function lookAt(tree: string): Look {
  const shell = (text: string) =>
    execFileSync('/bin/sh', ['-euc', text], { cwd: tree, encoding: 'utf8', maxBuffer: 1 << 28 })
  const found = new Map<string, string>()
  const add = (path: string, what: string) => found.set(path, `${found.get(path) ?? ''}${what} `)
  for (const line of shell(`find . -mindepth 1 -printf '%P\\t%y %m %U:%G %l\\n'`).split('\n')) {
    const [path, what] = line.split('\t')
    if (path !== undefined && what !== undefined) add(path, what)
  }
  for (const line of shell(`find . -type f -printf '%P\\t%n\\n'`).split('\n')) {
    const [path, what] = line.split('\t')
    if (path !== undefined && what !== undefined) add(path, `links ${what}`)
  }
  for (const line of shell('find . -type f -print0 | xargs -0 sha256sum').split('\n')) {
    const [digest = '', path] = line.split(/ {2}\.\//)
    if (path !== undefined) add(path, digest)
  }
  for (const line of shell('getcap -r .').split('\n')) {
    const at = line.indexOf(' ')
    if (at > 0) add(line.slice(0, at).replace(/^\.\//, ''), line.slice(at))
  }
  return found
}

/**
 * Makes a tree with mmdebstrap, from the mirrors and with the packages of ours.
 *
 * @returns its path
 */
export function makeReference(
  suite: string,
  { tree, scratch }: { tree: string; scratch: string },
): string {
  const path = join(scratch, 'reference')
  const sources = readFileSync(join(tree, 'etc/apt/sources.list'), 'utf8').trim().split('\n')
  execFileSync('mmdebstrap', [
    '--quiet',
    '--mode=root',
    '--variant=minbase',
    '--format=directory',
    '--include=systemd-sysv,dbus,login,passwd,util-linux,debian-archive-keyring',
    '--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr',
    '--aptopt=Acquire::Check-Valid-Until "false"',
    suite,
    path,
    ...sources,
  ], { stdio: 'pipe' })
  return path
}

/** Differences without an explanation, and explanations without a difference. */
export function compareTrees(
  ours: string,
  reference: string,
): { readonly unexplained: readonly string[]; readonly unused: readonly string[] } {
  const a = lookAt(ours)
  const b = lookAt(reference)
  const used = new Set<Difference>()
  const unexplained: string[] = []
  for (const path of [...new Set([...a.keys(), ...b.keys()])].toSorted()) {
    const mine = a.get(path) ?? '-'
    const theirs = b.get(path) ?? '-'
    if (mine === theirs) continue
    const known = explanations.find((one) => one.path.test(path))
    if (known !== undefined && explains(known, { path, mine, theirs, ours, reference })) {
      used.add(known)
    } else unexplained.push(`${path}: ${mine}; mmdebstrap: ${theirs}`)
  }
  const unused = explanations.filter((one) => !used.has(one)).map(({ path }) => String(path))
  return { unexplained, unused }
}

function explains(
  { same }: Difference,
  at: { path: string; mine: string; theirs: string; ours: string; reference: string },
): boolean {
  if (same === undefined) return true
  // Only the content may differ.
  const withoutDigest = (text: string) => text.replace(/[0-9a-f]{64}/, '')
  if (withoutDigest(at.mine) !== withoutDigest(at.theirs)) return false
  const read = (tree: string) => same(readFileSync(join(tree, at.path), 'utf8'))
  return read(at.ours) === read(at.reference)
}
