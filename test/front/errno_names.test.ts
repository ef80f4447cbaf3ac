import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { renderAbout } from '../../build/about.ts'
import { renderErrnoNames } from '../../build/errno_names.ts'
import { errno } from '../../core/linux/errno.ts'
import { inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const test = suite('renderErrnoNames()')

test('gives what the executor was compiled with', () => {
  const header = readFileSync(inRepository('core/executor/errno_names.h'), 'utf8')
  assert.is(header, renderErrnoNames())
})

test('names every error once', () => {
  const rows = renderErrnoNames().match(/^\t".*\\0"/gm) ?? []
  for (const [name, number] of Object.entries(errno)) {
    assert.is(rows[number], `\t"${name}\\0"`)
  }
  assert.is(rows.filter((row) => row !== '\t"\\0"').length, Object.keys(errno).length)
})

test('renderAbout() gives what the executor prints for --help', () => {
  const header = readFileSync(inRepository('core/executor/about.h'), 'utf8')
  assert.is(header, renderAbout())
})

test.run()
