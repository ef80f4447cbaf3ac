/**
 * What it costs to run a program in a running guest.
 *
 * @module
 */
import { join } from 'node:path'
import { tinyTree } from '../test/system/product.ts'
import { tool } from '../test/system/tools.ts'
import { execGroups, initPid } from './guest.ts'
import { alternate, type Command, ratio, type Report } from './harness.ts'
import { productOnFreshDisk } from './place.ts'
import { type Peers, startPeers, which } from './peers.ts'
import { floor } from './programs.ts'

export async function benchExec(quick: boolean): Promise<readonly Report[]> {
  const it = productOnFreshDisk()
  const tree = tinyTree(join(it.scratch, 'tree'))
  it.must('create', 'g', '--from', `dir:${tree}`)
  it.must('start', 'g')
  let peers: Peers | undefined
  try {
    peers = await startPeers(join(it.scratch, 'peers'), tree)
    const others = peers
    const pid = String(initPid(it, 'g'))
    const groups = await execGroups(it, 'g')
    const argv = ['/true-static']
    const floorExec = floor('floor-exec')
    const hybrid = groups.tasks.length > 0
    const floors: Command[] = [
      { name: 'host', argv: [tool('true')] },
      { name: 'floor-host', argv: [floor('floor-host'), tool('true')] },
      { name: 'floor', argv: [floorExec, pid, groups.unified, '--', ...argv] },
    ]
    if (hybrid) {
      floors.push({
        name: 'floor+v1',
        argv: [floorExec, pid, groups.unified, ...groups.tasks, '--', ...argv],
      })
    }
    const nsenter = which('nsenter')
    const commands: Command[] = [
      ...floors,
      { name: 'vserver exec', argv: it.argv('exec', 'g', '--', ...argv) },
      ...(nsenter === undefined
        ? []
        : [{ name: 'nsenter -a', argv: [nsenter, '-a', '-t', pid, ...argv] }]),
      ...others.exec,
    ]
    return [0, 100].map((idleMs) => {
      const figures = alternate(commands, {
        runs: (quick ? 20 : 200) / (idleMs > 0 ? 4 : 1),
        idleMs,
      })
      const limits: readonly (readonly [string, number])[] = [
        ['floor', idleMs > 0 && hybrid ? 1.5 : 1.3],
        ['floor+v1', 1.3],
        ['nsenter -a', 1 / 3],
        ['crun exec', 1 / 5],
        ['runc exec', 1 / 15],
      ]
      const bars = limits.filter(([name]) => figures.some((one) => one.name === name))
        .map(([name, most]) => ratio(figures, 'vserver exec', name, most))
      return {
        title: `exec of a static true, ${
          idleMs === 0 ? 'back to back' : `after ${idleMs} ms idle`
        }`,
        figures,
        bars,
        notes: [`${groups.tasks.length} version 1 groups are joined`],
      }
    })
  } finally {
    peers?.dispose()
    it.dispose()
  }
}
