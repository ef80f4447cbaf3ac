/**
 * Runs the benchmarks and writes dist/bench.json and a table.
 *
 *     node bench/main.ts [--quick] [exec|start|create|clone|boot|unify|unify-scale|version…]
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { inRepository } from '../test/support/paths.ts'
import { benchBoot } from './boot.bench.ts'
import { benchBootstrap } from './bootstrap.bench.ts'
import { benchClone } from './clone.bench.ts'
import { benchCreate } from './create.bench.ts'
import { benchDensity } from './density.bench.ts'
import { benchExec } from './exec.bench.ts'
import { hostFacts, renderReport, type Report } from './harness.ts'
import { benchStart } from './start.bench.ts'
import { benchUnify } from './unify.bench.ts'
import { benchUnifyScale } from './unify_scale.bench.ts'
import { benchUnifyUpgraded } from './unify_upgraded.bench.ts'
import { benchVersion } from './version.bench.ts'

const benches: Readonly<Record<string, (quick: boolean) => Promise<readonly Report[]>>> = {
  exec: benchExec,
  start: benchStart,
  create: benchCreate,
  clone: benchClone,
  boot: benchBoot,
  bootstrap: benchBootstrap,
  density: benchDensity,
  unify: benchUnify,
  'unify-upgraded': benchUnifyUpgraded,
  'unify-scale': benchUnifyScale,
  version: benchVersion,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
})
const host = hostFacts()
console.log(Object.entries(host).map(([key, value]) => `${key} ${value}`).join(', '))
const reports: Report[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  for (const report of await bench(values.quick)) {
    reports.push(report)
    console.log(`\n${renderReport(report)}`)
  }
}
const over = reports.flatMap(({ bars }) => bars).filter(({ value, most }) => !(value <= most))
writeFileSync(
  inRepository('dist/bench.json'),
  `${JSON.stringify({ host, reports }, undefined, 2)}\n`,
)
console.log(`\n${over.length} bars missed; figures are in dist/bench.json`)
process.exitCode = 0
