/**
 * Random trees with some of everything that a file system can hold.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { quote } from './manifest.ts'
import { type Random, random } from './random.ts'

export interface ForestOptions {
  readonly seed: number
  /** Of each tree. */
  readonly files: number
}

/** Names of which each tree has several; any bytes but those that the kernel forbids. */
const names = [
  ...[
    'a',
    'b',
    'lib.so.1',
    'with space',
    "quo'te",
    'back\\slash',
    'new\nline',
    '*',
    '.hidden',
    '-rf',
  ],
  ...['caf\xc3\xa9', '\xff\xfe\x80', '\x01\x7f', 'x'.repeat(255), '[a-z]', '$HOME', '..a', '#'],
] as unknown as readonly [string, ...string[]]

const directories = [
  '',
  'usr',
  'usr/lib',
  'usr/lib/deep/er',
  'etc',
  'var/log',
  'opt/\xe9t\xe9',
] as const

const middle = (byte: number) => {
  const content = Buffer.alloc(2_500_000, 'x')
  content[1_250_000] = byte
  return content
}

const contents = [
  ...['', '', 'hello\n', 'hellO\n', 'z'.repeat(4096), 'z'.repeat(4095) + 'y', 'q'.repeat(70_000)],
].map((text) => Buffer.from(text))
const large = [middle(1), middle(2)]

/** Words of a command, with all files that it is for: to start one process a file takes too long. */
type Commands = Map<string, string[]>

/** In the order in which they do not undo one another. */
const order = ['perl', 'mkfifo', 'mknod', 'chown', 'chmod', 'set', 'chattr', 'touch'] as const

/** Binds sockets, each under a short name that is then changed. */
const bindAll = `perl -MSocket -e 'for (@ARGV) { socket(S, AF_UNIX, SOCK_STREAM, 0) or die; ` +
  `bind(S, pack_sockaddr_un("/tmp/s$$")) or die; rename("/tmp/s$$", $_) or die }' --`

/**
 * Makes trees. They have most in common: what differs does so in one thing, often.
 *
 * @param roots absolute paths of directories that are not there yet, on the file system of /tmp
 */
export function makeForest(roots: readonly string[], { seed, files }: ForestOptions): void {
  const r = random(seed)
  const commands: Commands = new Map()
  for (const root of roots) makeTree(root, { r, files, commands })
  const sorted = [...commands].toSorted(([a], [b]) => phaseOf(a) - phaseOf(b))
  const lines = sorted.map(([words, paths]) => `${words} ${paths.map(quote).join(' ')}`)
  const text = `set -e\n${lines.join('\n')}\n`
  const ran = spawnSync('bash', ['-s'], { input: Buffer.from(text, 'latin1') })
  if (ran.status !== 0) throw new Error(`a random tree of seed ${seed}: ${ran.stderr}`)
}

const phaseOf = (words: string) => order.findIndex((word) => words.startsWith(word))

function makeTree(
  root: string,
  { r, files, commands }: { r: Random; files: number; commands: Commands },
): void {
  const add = (words: string, path: string) => {
    commands.set(words, [...commands.get(words) ?? [], path])
  }
  const bytes = (path: string) => Buffer.from(path, 'latin1')
  for (const directory of directories) mkdirSync(bytes(`${root}/${directory}`), { recursive: true })
  const made: string[] = []
  const taken = new Set<string>(['etc', 'usr', 'opt', 'var'])
  for (let i = 0; i < files; i++) {
    const directory = r.of(directories)
    const name = `${r.below(4)}${r.of(names)}`.slice(0, 255)
    const inside = directory === '' ? name : `${directory}/${name}`
    if (taken.has(inside)) continue
    taken.add(inside)
    const path = `${root}/${inside}`
    const kind = r.below(30)
    if (kind === 0) symlinkSync(r.of(['/etc/passwd', '../up', 'x']), bytes(path))
    else if (kind === 1) add('mkfifo', path)
    else if (kind === 2) {
      // One command for each: a few are enough.
      if (taken.size % 3 > 0) continue
      commands.set(`mknod ${quote(path)} ${r.of(['c 1 3', 'b 259 7'])} #`, [])
    } else if (kind === 3) add(bindAll, path)
    else if (kind === 4 && made.length > 0) {
      linkSync(bytes(made[r.below(made.length)] ?? ''), bytes(path))
      continue
    } else if (kind === 5) {
      const fd = openSync(bytes(path), 'w')
      ftruncateSync(fd, r.of([5000, 300_000]))
      if (r.chance(0.5)) writeSync(fd, 'data', 4000)
      closeSync(fd)
      made.push(path)
    } else {
      const content = r.chance(0.03) ? large[r.below(2)] : contents[r.below(contents.length)]
      writeFileSync(bytes(path), content ?? '')
      made.push(path)
      for (const words of decoration(r)) add(words, path)
    }
    if (r.chance(0.1)) add(`chown -h ${r.of(['0:7', '7:0', '3000000:1'])}`, path)
    if (kind > 4 && r.chance(0.1)) add(`chmod ${r.of(['4755', '755', '2711', '0', '600'])}`, path)
    add(`touch -hd ${r.of(['@1000', '@1000', '@1000', '@1000.000000001', '@-5.5'])}`, path)
  }
  for (const directory of directories) {
    const path = `${root}/${directory}`
    if (r.chance(0.2)) add(`setfattr -n user.d -v ${r.below(2)}`, path)
    if (r.chance(0.2)) add('setfacl -m d:u:7:rx', path)
    if (r.chance(0.2)) add('chattr +A', path)
    add(`chmod ${r.of(['755', '1777', '700', '2750'])}`, path)
    // Last, since everything else changes them.
    add(`touch -d @1${r.below(1000)}.${100_000_000 + r.below(899_999_999)}`, path)
  }
}

/** What setcap(8) writes, for CAP_NET_RAW and its neighbour. */
const capability = (low: string) => `0x0100000200${low}${'0'.repeat(28)}`

/** What makes one of otherwise equal files another one. */
function decoration(r: Random): readonly string[] {
  switch (r.below(24)) {
    case 0:
      return ['setfattr -n user.x -v 1']
    case 1:
      return ['setfattr -n user.x -v 2']
    case 2:
      return ['setfattr -n user.x -v 1', 'setfattr -n user.y -v 0xff00']
    // The same in another order.
    case 3:
      return ['setfattr -n user.y -v 0xff00', 'setfattr -n user.x -v 1']
    case 4:
      return ['setfattr -n trusted.t']
    case 5:
      return ['setfacl -m u:1234:rw']
    case 6:
      return ['setfacl -m u:1235:rw']
    case 7:
      return [`setfattr -n security.capability -v ${capability('20')}`]
    case 8:
      return [`setfattr -n security.capability -v ${capability('30')}`]
    case 9:
      return ['chattr +A']
    case 10:
      return ['chattr +d']
    case 11:
      return [`setfattr -n trusted.overlay.origin -v ${r.below(99)}`]
    default:
      return []
  }
}
