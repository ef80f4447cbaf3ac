/**
 * What it costs to start a guest, run `true` as its init, and remove it.
 *
 * @module
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { decodeKept } from '../core/guest/kept.ts'
import { decode } from '../core/plan/decode.ts'
import { makeTree } from '../test/system/product.ts'
import { generate } from './floor/generate.ts'
import { alternate, ratio, type Report, summarize } from './harness.ts'
import { productOnFreshDisk } from './place.ts'
import { type Peers, startPeers } from './peers.ts'
import { startFloor } from './programs.ts'

export async function benchStart(quick: boolean): Promise<readonly Report[]> {
  const it = productOnFreshDisk()
  const files = { 'sbin/init': 'true', 'true-static': 'true', 'pause-static': 'pause' }
  const tree = makeTree(join(it.scratch, 'tree'), files)
  it.must('create', 'g', '--from', `dir:${tree}`)
  it.must('start', '--wait=exit', 'g')
  let peers: Peers | undefined
  try {
    peers = await startPeers(join(it.scratch, 'peers'), tree)
    const others = peers
    const runDirectory = join(it.root, 'run/vserver/guests/g')
    const keptPath = join(runDirectory, 'start.kept')
    const plan = decode(decodeKept(readFileSync(keptPath)).plan)
    const start = { name: 'vserver start', argv: it.argv('start', '--wait=exit', 'g') }
    const commands = [
      { name: 'floor', argv: [startFloor(generate(plan, runDirectory))] },
      start,
      ...others.run,
    ]
    const replays = [0, 100].map((idleMs): Report => {
      const figures = alternate(commands, {
        runs: (quick ? 12 : 120) / (idleMs > 0 ? 4 : 1),
        idleMs,
      })
      const limits: readonly (readonly [string, number])[] = [
        ['floor', 1.2],
        ['crun run', 0.5],
        ['runc run', 0.2],
      ]
      return {
        title: `start, true, remove, ${idleMs === 0 ? 'back to back' : `after ${idleMs} ms idle`}`,
        figures,
        bars: limits.filter(([name]) => figures.some((one) => one.name === name))
          .map(([name, most]) => ratio(figures, 'vserver start', name, most)),
        notes: [],
      }
    })
    const compiled = Array.from({ length: quick ? 3 : 12 }, () => {
      rmSync(keptPath)
      const [{ medianMs = NaN } = {}] = alternate([start], { runs: 1, warmup: 0 })
      return medianMs * 1e6
    })
    const first = summarize('vserver start, compiled', compiled)
    return [...replays, {
      title: 'first start: the plan is compiled',
      figures: [first],
      bars: [{ what: 'first start', value: first.medianMs, most: 80, unit: 'ms' }],
      notes: [],
    }]
  } finally {
    peers?.dispose()
    it.dispose()
  }
}
