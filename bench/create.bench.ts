/**
 * What verbs that make guests cost beyond starting the runtime: a second guest of a pinned source, a clone
 * of a stopped guest that has written much, and a first start. All alternate in one run, on a fresh
 * journaled file system.
 *
 * @module
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pin } from '../plugins/bootstrap-debian/pins.ts'
import { readRequest } from '../plugins/bootstrap-debian/request.ts'
import type { BootstrapContext } from '../core/plugin/types.ts'
import { binary, makeTree, type Product } from '../test/system/product.ts'
import { alternate, beyond, figure, ratio, type Report, summarize } from './harness.ts'
import { productOnFreshDisk } from './place.ts'
import { oneLine } from './version.bench.ts'

const suite = 'bookworm'
const template = `${suite}-amd64-20260101-0123456789ab`

/** A template as `create` leaves one, but for its content, and what says that it is of this source. */
function pinTemplate(it: Product): void {
  const lib = join(it.root, 'var/lib/vserver')
  const files = { 'sbin/init': 'true', 'true-static': 'true' }
  const tree = makeTree(join(it.scratch, 'tree'), files)
  writeFileSync(join(tree, 'etc/hostname'), 'debian\n')
  it.must('create', 'first', '--from', `dir:${tree}`)
  const made: { template: string }[] = JSON.parse(it.must('list', '--json'))
  const from = join(lib, 'templates', made[0]?.template ?? '')
  const place = join(lib, 'templates', `debian-${template}`)
  it.must('destroy', '--yes', 'first')
  renameSync(from, place)
  // Of the context, a pin needs no more.
  const context = { options: {}, cache: join(lib, 'cache') } as unknown as BootstrapContext
  pin(readRequest(suite, context), template, context)
}

/** What a guest may have written before it is cloned. */
function write(it: Product, name: string): void {
  for (let directory = 0; directory < 20; directory++) {
    const path = it.guest(name, 'upper', `d${directory}`)
    mkdirSync(path)
    for (let file = 0; file < 50; file++) writeFileSync(join(path, `f${file}`), `${file}\n`)
  }
}

export async function benchCreate(quick: boolean): Promise<readonly Report[]> {
  const it = productOnFreshDisk()
  try {
    pinTemplate(it)
    const smallest = await oneLine()
    const from = ['--from', `debian:${suite}`]
    const commands: readonly (readonly [string, readonly string[]])[] = [
      ['one-line SEA', [smallest]],
      ['vserver --version', [binary, '--quiet', '--version']],
      ['vserver --help', [binary, '--quiet', '--help']],
      ['create', it.argv('create', 'web', ...from)],
      ['clone', it.argv('clone', 'web', 'web2')],
      ['first start', it.argv('start', '--wait=exit', 'web2')],
    ]
    const times = commands.map((): number[] => [])
    for (let round = -2; round < (quick ? 5 : 30); round++) {
      for (const [index, [name, argv]] of commands.entries()) {
        const [{ medianMs = NaN } = {}] = alternate([{ name, argv }], { runs: 1, warmup: 0 })
        if (round >= 0) times[index]?.push(medianMs * 1e6)
        if (name === 'create') write(it, 'web')
      }
      it.must('destroy', '--yes', 'web', 'web2')
    }
    const figures = commands.map(([name], index) => summarize(name, times[index] ?? []))
    return [{
      title: 'new guests, on a fresh journaled file system',
      figures,
      bars: [
        beyond(figures, 'create', 'vserver --version', 25),
        beyond(figures, 'clone', 'vserver --version', 15),
        { what: 'first start', value: figures[5]?.medianMs ?? NaN, most: 80, unit: 'ms' },
        ...['vserver --version', 'vserver --help'].flatMap((name) => [
          ratio(figures, name, 'one-line SEA', 1.25),
          { what: name, value: figure(figures, name).medianMs, most: 45, unit: 'ms' },
        ]),
      ],
      notes: [],
    }]
  } finally {
    it.dispose()
  }
}
