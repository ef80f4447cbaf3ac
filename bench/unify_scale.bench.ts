/**
 * How unification grows with the number of guests: clones of one Debian guest that were then upgraded each
 * for itself, up to two million files that were written. Each number of guests is made anew on a file
 * system of its own, and nothing is in memory when the first run begins.
 *
 * @module
 */
import { statfsSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { type Bar, type Figure, type Report, summarize } from './harness.ts'
import { madeHow, makeManyGuests } from './many.ts'
import { productOnLargeDisk } from './place.ts'
import { plot } from './plot.ts'
import { timed } from './timed.ts'
import { keptUpgrade, prepare, type Upgrade } from './upgrade.ts'

/** Of that many guests the project has set itself limits. */
const barsAt = 100
const gibibyte = 2 ** 30

/** What one guest writes, and more: its files, and those that are there only once. */
const gibibytesFor = (guests: number) => Math.ceil(3 + guests * 0.46)

interface Grown {
  readonly guests: number
  readonly first: Figure
  readonly again: Figure
  /** MiB. */
  readonly memory: number
  readonly note: string
}

/** Of a file system, in GiB. */
function disk(path: string): { used: number; free: number } {
  const { blocks, bfree, bsize } = statfsSync(path)
  return { used: (blocks - bfree) * bsize / gibibyte, free: bfree * bsize / gibibyte }
}

function measure(upgrade: Upgrade, guests: number): Grown {
  const it = productOnLargeDisk(`${gibibytesFor(guests) + 10}G`)
  try {
    makeManyGuests(it, upgrade, guests)
    prepare(['sync'])
    const before = disk(it.root).used
    writeFileSync('/proc/sys/vm/drop_caches', '3')
    const argv = it.argv('--json', 'unify')
    const load = loadavg()[0] ?? NaN
    const first = timed(argv)
    prepare(['sync'])
    const after = disk(it.root).used
    const again = [timed(argv), timed(argv), timed(argv)]
    const { files, saved, failures } = JSON.parse(first.output)
    const note = [
      `${guests} guests: ${(first.ns / 1e9).toFixed(1)} s, ${files} files, ${
        before.toFixed(1)
      } GiB on disk before, ` +
      `${after.toFixed(1)} after; ${saved.inodes} inodes less`,
      `memory ${first.memory.toFixed(0)} MiB, again ${again[0]?.memory.toFixed(0)}`,
      `processor ${first.cpuSeconds.toFixed(1)} s, again ${again[0]?.cpuSeconds.toFixed(1)}`,
      `load before ${load.toFixed(1)}`,
      ...(failures.length > 0 ? [`${failures.length} FAILED`] : []),
    ]
    return {
      guests,
      first: summarize(`first, ${guests} guests`, [first.ns]),
      again: summarize(`again, ${guests} guests`, again.map(({ ns }) => ns)),
      memory: first.memory,
      note: note.join('; '),
    }
  } finally {
    it.dispose()
  }
}

/** Limits of the greatest number; for fewer guests in proportion, but for memory. */
function barsOf({ guests, first, again, memory }: Grown): readonly Bar[] {
  const part = guests / barsAt
  return [
    { what: first.name, value: first.medianMs / 1000, most: 60 * part, unit: 's' },
    { what: again.name, value: again.medianMs / 1000, most: 8 * part, unit: 's' },
    { what: `memory, ${guests} guests`, value: memory, most: 400, unit: 'MiB' },
  ]
}

/** Time for each guest of the most, to that of each of the fewest. */
function growth(all: readonly Grown[]): Bar {
  const each = all.map(({ guests, first }) => first.medianMs / guests)
  const value = (each.at(-1) ?? NaN) / (each[0] ?? NaN)
  return { what: 'time for one of the most / of the fewest', value, most: 1.25, unit: '×' }
}

/** @param counts how many guests, in rising order */
export function benchUnifyScale(
  quick: boolean,
  counts: readonly number[] = quick ? [5, 10] : [5, 20, 50, barsAt],
): Promise<readonly Report[]> {
  const upgrade = keptUpgrade()
  const all: Grown[] = []
  const missed: string[] = []
  for (const guests of counts) {
    const needed = gibibytesFor(guests) + 5
    if (disk(tmpdir()).free < needed) {
      missed.push(`skipped: ${guests} guests, for ${tmpdir()} has no ${needed} GiB free`)
      continue
    }
    try {
      all.push(measure(upgrade, guests))
    } catch (error) {
      if (!(error instanceof Error)) throw error
      missed.push(`FAILED: ${guests} guests: ${error.message.trim().slice(0, 2000)}`)
    }
    console.error(`unify-scale: ${all.at(-1)?.note ?? ''}${missed.join('; ')}`)
  }
  const last = all.at(-1)
  const points = (y: (one: Grown) => number) => all.map((one) => ({ x: one.guests, y: y(one) }))
  const drawn = all.length < 2 ? [] : [
    ...plot(points((one) => one.first.medianMs / 1000), { x: 'guests', y: 'first, s' }),
    ...plot(points((one) => one.again.medianMs / 1000), { x: 'guests', y: 'again, s' }),
    ...plot(points((one) => one.memory), { x: 'guests', y: 'memory, MiB' }),
  ]
  return Promise.resolve([{
    title: 'guests that were upgraded on their own, on disk',
    figures: [...all.map(({ first }) => first), ...all.map(({ again }) => again)],
    bars: [
      ...(last === undefined ? [] : barsOf(last)),
      ...(all.length > 1 ? [growth(all)] : []),
      { what: 'sizes without a figure', value: missed.length, most: 0, unit: '' },
    ],
    notes: [...madeHow, ...all.map(({ note }) => note), ...missed, ...drawn],
  }])
}
