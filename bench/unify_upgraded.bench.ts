/**
 * Guests of one distribution that are upgraded each on its own, by their own apt: how much more than one of
 * them all take on disk, once they are unified.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import type { Product } from '../test/system/product.ts'
import { type Figure, type Report, summarize } from './harness.ts'
import { productOnLargeDisk } from './place.ts'
import { timed } from './timed.ts'
import { allowHostNetwork, keptUpgrade, prepare, upgradeGuest } from './upgrade.ts'

/** What guests are made of; the runtime, downloads and the index are not. */
const parts = ['templates', 'layers', 'guests', 'store'] as const

function lib(it: Product): string {
  return join(it.root, 'var/lib/vserver')
}

function output(text: string, cwd: string): string {
  return execFileSync('/bin/sh', ['-euc', text], { encoding: 'utf8', cwd, maxBuffer: 1 << 26 })
}

/** On disk, in MiB, each inode once. */
function mebibytes(it: Product): number {
  return Number(
    output(
      `mkdir -p ${parts.join(' ')}; du -sck ${parts.join(' ')} | tail -n 1 | cut -f 1`,
      lib(it),
    ),
  ) /
    1024
}

/** What is left that is not shared, by kind, in MiB. */
function remains(it: Product): string {
  const kinds: Readonly<Record<string, string>> = {
    directories: '-type d',
    'logs and journals': "-type f -links 1 -path '*/var/log/*'",
    'byte code': "-type f -links 1 -name '*.pyc'",
    'caches': "-type f -links 1 -path '*/var/cache/*'",
    "dpkg's and apt's": "-type f -links 1 -path '*/var/lib/*'",
    '/etc': "-type f -links 1 -path '*/etc/*'",
    'everything else': "-type f -links 1 ! -name '*.pyc' ! -path '*/var/*' ! -path '*/etc/*'",
  }
  return Object.entries(kinds).map(([kind, test]) => {
    const sum = output(
      `find guests layers ${test} -printf '%k\\n' | awk '{s+=$1} END {print s+0}'`,
      lib(it),
    )
    return `${kind} ${(Number(sum) / 1024).toFixed(1)}`
  }).join(', ')
}

/** Makes the guests by `clone`, and upgrades one after the other. @returns times, and the disk of one */
function makeGuests(it: Product, names: readonly string[]): { upgrades: Figure; one: number } {
  const [first = '', ...others] = names
  allowHostNetwork(it)
  prepare(it.argv('create', first, '--from', `dir:${keptUpgrade().server}`))
  for (const name of others) it.must('clone', first, name)
  let one = NaN
  const times = names.map((name) => {
    const started = process.hrtime.bigint()
    upgradeGuest(it, name)
    const ns = Number(process.hrtime.bigint() - started)
    if (name === first) one = mebibytes(it)
    return ns
  })
  return { upgrades: summarize('upgrade of a guest, nice', times), one }
}

export function benchUnifyUpgraded(quick: boolean): Promise<readonly Report[]> {
  const count = quick ? 2 : 10
  const names = Array.from({ length: count }, (_, index) => `g${index}`)
  const it = productOnLargeDisk('12G')
  try {
    const { upgrades, one } = makeGuests(it, names)
    prepare(['sync'])
    const before = mebibytes(it)
    const unify = timed(it.argv('unify'))
    const after = mebibytes(it)
    const left = remains(it)
    timed(it.argv('unify', '--ignore-times'))
    const ignoringTimes = mebibytes(it)
    const mib = (value: number) => `${value.toFixed(0)} MiB`
    return Promise.resolve([{
      title: `${count} Debian guests, each upgraded on its own`,
      figures: [upgrades, summarize('vserver unify', [unify.ns])],
      bars: [
        { what: `disk of ${count} / disk of one`, value: after / one, most: 1.15, unit: '×' },
        { what: 'the same, ignoring times', value: ignoringTimes / one, most: 1.15, unit: '×' },
      ],
      notes: [
        `one guest with its template ${mib(one)}, ${count} before ${mib(before)}, after ${
          mib(after)
        }, ` +
        `ignoring times ${mib(ignoringTimes)}; memory ${mib(unify.memory)}`,
        `in guests and layers, not shared after the first, in MiB: ${left}`,
      ],
    }])
  } finally {
    it.dispose()
  }
}
