/**
 * Many idle guests: what one more costs in time and memory.
 *
 * @module
 */
import { globSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTree } from '../test/system/product.ts'
import { alternate, type Report } from './harness.ts'
import { productOnFreshDisk } from './place.ts'

/** Memory that is not available, in KB: kernel memory, page tables and everything else. */
function usedKb(): number {
  const text = readFileSync('/proc/meminfo', 'utf8')
  const value = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1])
  return value('MemTotal') - value('MemAvailable')
}

function optional(read: () => string): string {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return ''
    throw error
  }
}

/** Proportional set sizes, in KB, of the processes that run our executor for this root. */
function supervisorPssKb(root: string): number[] {
  return globSync('/proc/[0-9]*').filter((path) =>
    optional(() => readlinkSync(`${path}/exe`)).startsWith(root) &&
    optional(() => readFileSync(`${path}/cmdline`, 'utf8')).includes('@supervise')
  ).map((path) =>
    Number(/^Pss:\s+(\d+)/m.exec(optional(() => readFileSync(`${path}/smaps_rollup`, 'utf8')))?.[1])
  ).sort((a, b) => a - b)
}

export async function benchDensity(quick: boolean): Promise<readonly Report[]> {
  const count = quick ? 20 : 200
  const it = productOnFreshDisk()
  try {
    const tree = makeTree(join(it.scratch, 'tree'), { 'sbin/init': 'pause', 'true-static': 'true' })
    for (let i = 0; i < count; i++) it.must('create', `g${i}`, '--from', `dir:${tree}`)
    // Once to compile the plans, then a replay that is measured.
    it.must('start', '--all', '--quiet')
    it.must('kill', '--all', '--quiet')
    await sleep(1000)
    const before = usedKb()
    const start = [{ name: `start --all of ${count}`, argv: it.argv('start', '--all', '--quiet') }]
    const [started] = alternate(start, { runs: 1, warmup: 0 })
    await sleep(1000)
    const usedEach = (usedKb() - before) / count
    const pss = supervisorPssKb(it.root)
    const [list] = alternate([{ name: `list of ${count}`, argv: it.argv('list') }], { runs: 20 })
    const stop = [{ name: `kill --all of ${count}`, argv: it.argv('kill', '--all', '--quiet') }]
    const [stopped] = alternate(stop, { runs: 1, warmup: 0 })
    const msEach = (started?.medianMs ?? NaN) / count
    return [{
      title: `${count} idle guests`,
      figures: [started, list, stopped].flatMap((one) => one === undefined ? [] : [one]),
      bars: [
        { what: 'start, each', value: msEach, most: 3, unit: 'ms' },
        { what: 'memory, each', value: usedEach, most: 600, unit: 'KB' },
        { what: 'supervisor, PSS', value: pss[pss.length >> 1] ?? NaN, most: 64, unit: 'KB' },
      ],
      notes: [`${pss.length} supervisors, ${pss[0]} to ${pss.at(-1)} KB`],
    }]
  } finally {
    it.dispose()
  }
}
