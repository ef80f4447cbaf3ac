/**
 * Reports of runs, and what they say together.
 */
import * as assert from 'uvu/assert'
import { type FileReport, formatRunReport, parseRunReport, skippedEverywhere } from './report.ts'
import { suite } from './suite.ts'

const test = suite('reports of runs')

const file = (ran: readonly string[], skipped: readonly string[]): FileReport => ({
  passed: ran.length,
  ran: [...ran],
  failures: [],
  skipped: skipped.map((name) => ({ name, reason: `no ${name}` })),
})

test('read back as they were written', () => {
  const report = new Map([['a.test.ts', file(['s: a'], ['s: b'])]])
  assert.equal(parseRunReport(formatRunReport(report)), report)
})

test('are not read from anything else', () => {
  for (
    const text of ['', 'ok', '[]', 'null', '3', '{"a":{}}', '{"a":{"passed":1}}', '{"a":null}']
  ) {
    assert.throws(() => parseRunReport(text), undefined, text)
  }
})

test('tell which tests were skipped everywhere', () => {
  const here = new Map([['a.test.ts', file(['s: a'], ['s: b', 's: c'])]])
  const there = new Map([['a.test.ts', file(['s: b'], ['s: c'])]])
  assert.equal(skippedEverywhere([here, there]), ['a.test.ts: s: c: no s: c'])
  assert.equal(skippedEverywhere([here]).length, 2)
  assert.equal(skippedEverywhere([]), [])
})

test('tell tests of the same name in other files apart', () => {
  const one = new Map([['a.test.ts', file([], ['s: a'])]])
  const other = new Map([['b.test.ts', file(['s: a'], [])]])
  assert.equal(skippedEverywhere([one, other]).length, 1)
})

test.run()
