/**
 * Output of a machine that is no test report.
 */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { LabError } from './places.ts'
import { readReport } from './tests.ts'

const test = suite('readReport()')
const machine = { name: 'bare 6.12', log: 'dist/lab/logs/x.console.log' }

function refused(output: string): string {
  try {
    readReport(output, machine, 'a.test.ts')
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    return error.message
  }
  throw new Error('it was taken for a report')
}

test('reads the report at the end of what a run printed', () => {
  const text = '{"a.test.ts":{"passed":1,"ran":["s: a"],"failures":[],"skipped":[]}}'
  const report = readReport(`1 passed, 0 failed\n@@report ${text}\n`, machine, 'a.test.ts')
  assert.is(report.get('a.test.ts')?.passed, 1)
})

for (
  const output of ['', '1 passed, 0 failed\n', '@@report \n', '@@report {}\n', '@@report 1 pass']
) {
  test(`refuses ${JSON.stringify(output)}, and shows it`, () => {
    const message = refused(`before\n${output}`)
    assert.match(message, /^bare 6\.12: a\.test\.ts gave no test report: /)
    assert.match(message, /the console is in dist\/lab\/logs\/x\.console\.log\n {2}\| before/)
  })
}

test.run()
