/**
 * Fails when a test was skipped on every host that met it.
 *
 *     node test/lab/everywhere.ts
 *
 * Reads the reports that the tiers and the lab left in dist/reports. The last line is `N passed, N failed`.
 *
 * @module
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import process from 'node:process'
import { parseRunReport, skippedEverywhere } from '../support/report.ts'
import { reportDirectory } from './tests.ts'

const paths = globSync(join(reportDirectory, '*.json')).toSorted()
const reports = paths.map((path) => parseRunReport(readFileSync(path, 'utf8')))
const never = skippedEverywhere(reports)
const met = new Set(
  reports.flatMap((report) =>
    [...report].flatMap(([path, { skipped }]) => skipped.map(({ name }) => `${path}: ${name}`))
  ),
)
if (paths.length === 0) console.log('FAILED there is no report of any run')
for (const line of never) console.log(`FAILED skipped everywhere: ${line}`)
console.log(`reports: ${paths.map((path) => basename(path, '.json')).join(', ')}`)
const failed = never.length + (paths.length === 0 ? 1 : 0)
console.log(`${met.size - never.length} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
