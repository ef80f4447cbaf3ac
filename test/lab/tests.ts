/**
 * Runs test files of the repository inside a machine, with the node that the single file carries.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { inRepository } from '../support/paths.ts'
import { formatRunReport, parseRunReport, type RunReport } from '../support/report.ts'
import type { Machine } from './machine.ts'
import { LabError } from './places.ts'

/** How many times longer everything may take there than on the machine that the limits are made for. */
export const SLOWNESS = 20

/** Where reports of runs lie, for the question which tests are skipped everywhere. */
export const reportDirectory = inRepository('dist/reports')

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:'
const MARK = '@@report '

/** Makes `node` on the machine out of what its vserver unpacks. */
export async function prepareNode(machine: Machine): Promise<void> {
  // The file carries this very program, packed.
  const carried = readFileSync(inRepository('dist/cache/sea'))
  const at = carried.indexOf(FUSE)
  if (at < 0) throw new LabError('Cannot find the fuse of the carried node: build it anew')
  await machine.must(`/lab/busybox sh /lab/node.sh ${at + FUSE.length}`, { limitS: 120 })
}

/** What the machine said of a test file, and of the tests in it. */
export interface Told {
  readonly report: RunReport
  readonly passed: number
}

/**
 * Runs a test file on a machine that has the tree under test, and keeps its report. `within` is a directory
 * of the machine's to look in, relative to the tree; what is found there is none of our tests.
 *
 * @throws {LabError} when a test fails, when nothing ran, or when what comes back is no report
 */
export async function runThere(
  machine: Machine,
  path: string,
  { limitS, within }: { readonly limitS: number; readonly within?: string },
): Promise<Told> {
  const from = within === undefined ? '' : `--in ${within}`
  const script = [
    'cd /lab/tree',
    'export PATH=/lab/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8',
    'unset CI',
    `export VSERVER_TEST_SLOW=${SLOWNESS}`,
    'rm -f /run/report.json',
    `node test/support/run.ts --report /run/report.json ${from} ${path}`,
    'code=$?',
    `printf '${MARK}'; cat /run/report.json; echo`,
    'exit $code',
  ].join('\n')
  const show = (line: string) => {
    if (!line.startsWith(MARK)) console.log(`  ${machine.name}: ${line}`)
  }
  const { code, output } = await machine.run(script, { limitS, onLine: show })
  const report = readReport(output, machine, path)
  if (within === undefined) keep(machine.name, report)
  const failures = [...report.values()].flatMap((file) => file.failures)
  if (failures.length > 0) {
    throw new LabError(
      `${machine.name}: ${path}:\n  ${failures.join('\n  ')}\n` +
        `  the console is in ${machine.log}`,
    )
  }
  if (code !== 0) throw new LabError(`${machine.name}: ${path} ended with ${code}: ${output}`)
  const passed = [...report.values()].reduce((sum, file) => sum + file.passed, 0)
  return { report, passed }
}

/** The report in what a run printed; what is none is an error that shows it. */
export function readReport(
  output: string,
  machine: Pick<Machine, 'name' | 'log'>,
  path: string,
): RunReport {
  const line = output.split('\n').findLast((one) => one.startsWith(MARK))
  try {
    if (line === undefined) throw new TypeError('there is none')
    const report = parseRunReport(line.slice(MARK.length))
    if (report.size === 0) throw new TypeError('it is empty')
    return report
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
    const tail = output.trimEnd().split('\n').slice(-10).map((one) => `\n  | ${one}`).join('')
    throw new LabError(
      `${machine.name}: ${path} gave no test report: ${error.message}\n` +
        `  the console is in ${machine.log}${tail}`,
      { cause: error },
    )
  }
}

/** Adds to the reports of a machine. */
function keep(name: string, report: RunReport): void {
  mkdirSync(reportDirectory, { recursive: true })
  const files = [...report.keys()].join('-').replaceAll('/', '_')
  const path = `${reportDirectory}/${name.replaceAll(' ', '-')}-${files}.json`
  writeFileSync(path, formatRunReport(report))
}
