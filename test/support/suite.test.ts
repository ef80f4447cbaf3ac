/**
 * The wrapper around uvu: every trap that it closes, by running small files that step into it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { inRepository } from './paths.ts'
import { type FileReport, parseReport } from './report.ts'
import { suite } from './suite.ts'

const test = suite('suite()', { timeoutMs: 30_000 })

interface Ran {
  readonly code: number | null
  readonly report: FileReport | undefined
  readonly output: string
}

/** Runs a test file with this text under the runtime that runs us. The file lies in dist/, beside node_modules. */
function runText(text: string, ci = 'false'): Ran {
  mkdirSync(inRepository('dist'), { recursive: true })
  const directory = mkdtempSync(inRepository('dist/scratch-'))
  try {
    const path = join(directory, 'scratch.test.ts')
    const reportPath = join(directory, 'report.json')
    const wrapper = pathToFileURL(inRepository('test/support/suite.ts')).href
    writeFileSync(
      path,
      `import { suite } from '${wrapper}'\nimport * as assert from 'uvu/assert'\n${text}`,
    )
    const deno = 'Deno' in globalThis
    const settings = ['--no-check', '--quiet', '--config', inRepository('.deno.json')]
    const result = spawnSync(process.execPath, deno ? ['run', '-A', ...settings, path] : [path], {
      encoding: 'utf8',
      timeout: 20_000,
      env: { ...process.env, CI: ci, VSERVER_TEST_REPORT: reportPath },
    })
    const report = existsSync(reportPath)
      ? parseReport(readFileSync(reportPath, 'utf8'))
      : undefined
    return { code: result.status, report, output: result.stdout + result.stderr }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function mustFail(text: string, pattern: RegExp, ci?: string): Ran {
  const ran = runText(text, ci)
  assert.is(ran.code, 1, ran.output)
  assert.ok(ran.report !== undefined && ran.report.failures.length > 0, ran.output)
  assert.match(ran.report.failures.join('\n'), pattern)
  return ran
}

test('passes what passes, and counts it', () => {
  const ran = runText(
    `const test = suite('s'); test('a', () => {}); test('b', async () => {}); test.run()`,
  )
  assert.is(ran.code, 0, ran.output)
  assert.is(ran.report?.passed, 2)
  assert.equal(ran.report?.failures, [])
})

test('fails when an assertion fails, and goes on', () => {
  const ran = mustFail(
    `const test = suite('s'); test('a', () => assert.is(1, 2)); test('b', () => {}); test.run()`,
    /^s: a: Expected values to be strictly equal/,
  )
  assert.is(ran.report?.passed, 1)
})

test('fails every test when a before hook throws', () => {
  const ran = mustFail(
    `const test = suite('s'); test.before(() => { throw new Error('broken') }); test('a', () => {}); test.run()`,
    /^s: a: broken$/,
  )
  assert.is(ran.report?.passed, 0)
})

test('fails when an after hook throws', () => {
  mustFail(
    `const test = suite('s'); test.after(() => { throw new Error('broken') }); test('a', () => {}); test.run()`,
    /^s: after: Error: broken/,
  )
})

test('fails when a hook around a test throws', () => {
  for (const hook of ['before', 'after']) {
    mustFail(
      `const test = suite('s'); test.${hook}.each(() => { throw 1 }); test('a', () => {}); test.run()`,
      /^s: a: thrown: 1$/,
    )
  }
})

test('fails when what is thrown is no error', () => {
  for (const value of ['undefined', "'text'", 'null', '{ name: 1 }', '1n']) {
    mustFail(
      `const test = suite('s'); test('a', () => { throw ${value} }); test.run()`,
      /^s: a: thrown: /,
    )
  }
})

test('fails when run() is forgotten', () => {
  mustFail(`const test = suite('s'); test('a', () => {})`, /not run: call run\(\)/)
})

test('fails when a test is registered after run()', () => {
  mustFail(
    `const test = suite('s'); test('a', () => {}); test.run(); test('b', () => {})`,
    /not run/,
  )
})

test('fails an empty suite and an empty file', () => {
  mustFail(`suite('s').run()`, /holds no test/)
  mustFail(`void suite; void assert`, /the file holds no test/)
})

test('fails a test that never ends', () => {
  mustFail(
    `const test = suite('s', { timeoutMs: 50 }); test('a', () => new Promise(() => {})); test.run()`,
    /took longer than 50 ms/,
  )
})

test('fails when the process ends in the middle', () => {
  const ran = runText(`const test = suite('s'); test('a', () => process.exit(0)); test.run()`)
  assert.is.not(ran.code, 0, ran.output)
})

test('runs cleanups last in first out, after a failure too, and fails when one throws', () => {
  const ran = mustFail(
    `const test = suite('s')
     test('a', ({ cleanup }) => { cleanup(() => console.log('one')); cleanup(() => console.log('two')); throw new Error('x') })
     test('b', ({ cleanup }) => { cleanup(() => { throw new Error('dirty') }) })
     test.run()`,
    /s: b: dirty/,
  )
  assert.match(ran.output, /two\n.*one\n/)
})

test('skips loudly for a person and fails in CI when a prerequisite is missing', () => {
  const text =
    `const test = suite('s', { needs: ['no-such-program'] }); test('a', () => {}); test.run()`
  const ran = runText(text)
  assert.is(ran.code, 0, ran.output)
  assert.is(ran.report?.passed, 0)
  assert.match(
    ran.report?.skipped[0]?.reason ?? '',
    /no no-such-program \(apt-get install no-such-program\)/,
  )
  mustFail(text, /s: a: missing: no no-such-program/, 'true')
})

test('skips in CI too what only another host can have, and says which tests ran', () => {
  // A host has one of the two.
  const needs = `{ needs: ['systemd', 'no-systemd'] }`
  for (
    const text of [
      `const test = suite('s'); test('a', () => {}, ${needs}); test('b', () => {}); test.run()`,
      `const all = suite('s', ${needs}); all('a', () => {}); all.run()
       const test = suite('s'); test('b', () => {}); test.run()`,
    ]
  ) {
    const ran = runText(text, 'true')
    assert.is(ran.code, 0, ran.output)
    assert.equal(ran.report?.ran, ['s: b'])
    assert.equal(ran.report?.skipped.map(({ name }) => name), ['s: a'])
    assert.match(
      ran.report?.skipped[0]?.reason ?? '',
      /^no (no-)?systemd \(run the test in the lab/,
    )
  }
  const both = `{ needs: ['systemd', 'no-systemd', 'no-such-program'] }`
  mustFail(
    `const test = suite('s'); test('a', () => {}, ${both}); test.run()`,
    /s: a: missing: no .*systemd.*no-such-program/,
    'true',
  )
})

test('wants a reason for a skip', () => {
  const ran = runText(
    `const test = suite('s'); test.skip('a', 'the lab has it'); test('b', () => {}); test.run()`,
  )
  assert.is(ran.code, 0, ran.output)
  assert.equal(ran.report?.skipped, [{ name: 's: a', reason: 'the lab has it' }])
  assert.is.not(runText(`const test = suite('s'); test.skip('a', ' '); test.run()`).code, 0)
})

test('only() leaves the others out, and fails in CI', () => {
  const text = `const test = suite('s'); test.only('a', () => {}); test('b', () => {}); test.run()`
  const ran = runText(text)
  assert.is(ran.code, 0, ran.output)
  assert.is(ran.report?.passed, 1)
  assert.equal(ran.report?.skipped, [{ name: 's: b', reason: 'only()' }])
  mustFail(text, /only\(\) leaves out tests/, 'true')
})

test.run()
