import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { checkName, nameProblem, patternProblem } from '../../core/guest/name.ts'
import { verbs } from '../../core/guest/verbs.ts'
import { verbTable } from '../../core/cli/verb_table.ts'
import { suite } from '../support/suite.ts'

const test = suite('nameProblem()')

for (const name of ['web', 'a', '0', 'db-1', 'a--b', 'x'.repeat(63)]) {
  test(`accepts ${name}`, () => {
    assert.is(nameProblem(name), undefined)
  })
}

const bad = [
  '',
  '.',
  '..',
  'a/b',
  '/',
  'a b',
  ' a',
  'a\n',
  'a\u0000b',
  '\u001b[2J',
  'x'.repeat(64),
  'x'.repeat(300),
  '-a',
  '--all',
  '__proto__',
  'Web',
  'wéb',
  'a_b',
  'a.b',
  '@batch',
]
for (const name of bad) {
  test(`refuses ${JSON.stringify(name).slice(0, 40)}`, () => {
    assert.type(nameProblem(name), 'string')
    assert.type(patternProblem(name), 'string')
  })
}

test('refuses every verb for a new guest, and only for a new one', () => {
  for (const verb of verbs) {
    assert.is(nameProblem(verb), 'it is a verb of vserver')
    assert.is(patternProblem(verb), undefined)
  }
})

test('knows every verb that works', () => {
  for (const { verb } of verbTable) assert.ok(verbs.has(verb), verb)
})

test('shows control characters escaped', () => {
  try {
    checkName('create', 'a\u001b[2Jb')
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof VServerError)) throw error
    assert.is(error.code, 'E_NAME')
    assert.not(error.message.includes('\u001b'))
    assert.is(error.exitCode, 2)
  }
})

test.run()
