/**
 * The README's tables are made from the code.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { generatedSections, readmePath, withSections } from '../../build/readme.ts'
import { suite } from '../support/suite.ts'

const test = suite('README.md')

test('has tables that agree with the code (else run: node build/readme.ts)', () => {
  const text = readFileSync(readmePath, 'utf8')
  assert.fixture(text, withSections(text, generatedSections()))
})

test('is told where a table has no place', () => {
  assert.throws(() => withSections('nothing', new Map([['verbs', '']])), /no section "verbs"/)
})

test.run()
