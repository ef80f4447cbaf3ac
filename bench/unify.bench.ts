/**
 * Five Debian trees that become one, against the programs that link equal files: each on a fresh journaled
 * file system that was made in the same way, alternating, with everything in memory and with nothing.
 *
 * @module
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository } from '../test/support/paths.ts'
import { binary } from '../test/system/product.ts'
import { type Bar, type Figure, figure, type Report, summarize } from './harness.ts'
import { freshFileSystem } from './place.ts'
import { timed } from './timed.ts'

interface Tool {
  readonly name: string
  readonly argv: (place: string) => readonly string[]
}

const trees = 'var/lib/vserver/templates'
const ours = 'vserver unify'

/** Those that are installed; all of them leave alone what ours does. */
function tools(): readonly Tool[] {
  const peers: readonly (readonly [string, ...string[]])[] = [
    ['hardlink', '-q', '-t', '-X', '-x', '/(etc|var/spool|var/mail|var/log)/'],
    ['jdupes', '-q', '-rLp', '-X', 'nostr:/etc/', '-X', 'nostr:/var/log/'],
    ['rdfind', '-makehardlinks', 'true', '-makeresultsfile', 'false'],
  ]
  return [
    { name: ours, argv: (place) => [binary, '--root', place, '--quiet', 'unify'] },
    ...peers.filter(([name]) => existsSync(`/usr/bin/${name}`)).map((argv) => ({
      name: argv[0],
      argv: (place: string) => [...argv, join(place, trees)],
    })),
  ]
}

const shell = (text: string) => execFileSync('/bin/sh', ['-euc', text], { stdio: 'ignore' })

/** Two trees that were made on their own, and copies of them. */
function makeTrees(place: string): void {
  const [first, second] = [inRepository('dist/debian'), inRepository('dist/bench/bookworm')]
  const to = join(place, trees)
  mkdirSync(to, { recursive: true, mode: 0o700 })
  for (
    const [name, from] of Object.entries({ a: first, b: second, c: first, d: second, e: first })
  ) {
    shell(`cp -a ${from} ${join(to, name)}`)
  }
  // What an earlier command of ours leaves: the runtime, unpacked. Native verbs do not need it.
  spawnSync(binary, ['--root', place, 'plugins'])
  shell('sync')
}

/** A bootstrap of ours of the release that the other tree is of. */
function makeSecondTree(): void {
  const tree = inRepository('dist/bench/bookworm')
  if (existsSync(tree)) return
  const root = inRepository('dist/bench/root')
  mkdirSync(root, { recursive: true })
  execFileSync(binary, ['--root', root, 'create', 'second', '--from', 'debian:bookworm'])
  const [id = ''] = readdirSync(join(root, trees))
  shell(`mv ${join(root, trees, id)} ${tree}; ${binary} --root ${root} destroy --yes second`)
}

interface Measured {
  readonly first: number
  readonly again: number
  readonly changed: number
  readonly mebibytes: number
  /** With files that were modified at different times, as the others do it. */
  readonly ignoringTimes: number
  readonly memory: number
}

/** One of a hundred files of a sixth tree, which are new to the file system, and in the others, too. */
function change(place: string): void {
  const to = join(place, trees, 'f')
  shell(
    `cd ${join(place, trees, 'b')}; mkdir ${to}; find usr -type f | sort | awk 'NR % 20 == 0' | ` +
      `cpio -pdm --quiet ${to}; cd ${to}; find . -type f | awk 'NR % 2' | xargs touch -d 2001-01-01`,
  )
}

/** What is on disk, in MiB. */
function sizeOf(directory: string): number {
  return Number.parseInt(execFileSync('du', ['-sk', directory], { encoding: 'utf8' })) / 1024
}

function measure(tool: Tool, warm: boolean): Measured {
  const place = freshFileSystem()
  try {
    makeTrees(place.path)
    const argv = tool.argv(place.path)
    if (warm) shell(`tar -C ${place.path} -cf - . | cat >/dev/null`)
    else writeFileSync('/proc/sys/vm/drop_caches', '3')
    const first = timed(argv)
    const again = timed(argv)
    const mebibytes = sizeOf(join(place.path, trees))
    change(place.path)
    const changed = timed(argv)
    execFileSync('rm', ['-r', join(place.path, trees, 'f')])
    if (tool.name === ours) timed([...argv, '--ignore-times'])
    const ignoringTimes = sizeOf(join(place.path, trees))
    return {
      first: first.ns,
      again: again.ns,
      changed: changed.ns,
      mebibytes,
      ignoringTimes,
      memory: first.memory,
    }
  } finally {
    place.dispose()
  }
}

export function benchUnify(quick: boolean): Promise<readonly Report[]> {
  makeSecondTree()
  const all = tools()
  return Promise.resolve([true, false].map((warm): Report => {
    const taken = new Map(all.map(({ name }) => [name, [] as Measured[]]))
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const tool of all) taken.get(tool.name)?.push(measure(tool, warm))
    }
    const figures = (key: 'first' | 'again' | 'changed') =>
      [...taken].map(([name, list]) =>
        summarize(key === 'first' ? name : `${name}, ${key}`, list.map((one) => one[key]))
      )
    const [first, again, changed] = [figures('first'), figures('again'), figures('changed')]
    const size = (name: string) => taken.get(name)?.[0]?.mebibytes ?? NaN
    return {
      title: `five Debian trees, ${warm ? 'in memory' : 'on disk'}`,
      figures: [...first, ...again, ...changed],
      bars: [
        toBest(first, ours, warm ? 0.5 : 0.6),
        { ...seconds(again, 'again'), most: 200 },
        toBest(again, `${ours}, again`, 1),
        { ...seconds(changed, 'changed'), most: 400 },
        {
          what: 'disk, ignoring times / hardlink -t',
          value: (taken.get(ours)?.[0]?.ignoringTimes ?? NaN) / size('hardlink'),
          most: 1,
          unit: '×',
        },
      ],
      notes: [...taken].map(([name, [one]]) =>
        `${name}: ${one?.mebibytes.toFixed(1)} MiB on disk, ${one?.memory.toFixed(0)} MiB of memory`
      ),
    }
  }))
}

function seconds(figures: readonly Figure[], key: string): Omit<Bar, 'most'> {
  const what = `${ours}, ${key}`
  return { what, value: figure(figures, what).medianMs, unit: 'ms' }
}

/** Of the best of the others. */
function toBest(figures: readonly Figure[], name: string, most: number): Bar {
  const others = figures.filter((one) => one.name !== name).map(({ medianMs }) => medianMs)
  const value = figure(figures, name).medianMs / Math.min(...others)
  return { what: `${name} / best of the others`, value, most, unit: '×' }
}
