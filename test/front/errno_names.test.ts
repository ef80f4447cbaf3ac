import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
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
  const rows = renderErrnoNames().match(/^\t\[\d+\] = "E\w+",$/gm) ?? []
  assert.is(rows.length, Object.keys(errno).length)
})

test.run()
