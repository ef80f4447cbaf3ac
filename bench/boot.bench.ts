/**
 * An unmodified Debian with systemd, from `start` to `running`.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { inRepository } from '../test/support/paths.ts'
import { type Report, summarize } from './harness.ts'
import { productOnFreshDisk } from './place.ts'

export async function benchBoot(quick: boolean): Promise<readonly Report[]> {
  const tree = inRepository('dist/debian')
  if (!existsSync(`${tree}/sbin/init`)) {
    return [{ title: 'boot', figures: [], bars: [], notes: [`skipped: no tree at ${tree}`] }]
  }
  const it = productOnFreshDisk()
  try {
    it.must('create', 'debian', '--from', `dir:${tree}`)
    const times: number[] = []
    for (let i = 0; i < (quick ? 2 : 6); i++) {
      const begin = process.hrtime.bigint()
      it.must('start', 'debian')
      for (let state = ''; state !== 'running';) {
        const ran = it.run(['exec', 'debian', '--', 'systemctl', 'is-system-running', '--wait'])
        state = ran.stdout.trim()
        if (state === 'degraded' || state === 'maintenance') throw new Error(`debian is ${state}`)
        if (state !== 'running') await sleep(5)
      }
      times.push(Number(process.hrtime.bigint() - begin))
      it.must('stop', 'debian')
    }
    // The first one compiles the plan and reads the files from disk.
    const replayed = summarize('start to running', times.slice(1))
    return [{
      title: 'Debian with systemd',
      figures: [summarize('start to running, first', times.slice(0, 1)), replayed],
      bars: [{ what: 'start to running', value: replayed.medianMs, most: 1000, unit: 'ms' }],
      notes: [],
    }]
  } finally {
    it.dispose()
  }
}
