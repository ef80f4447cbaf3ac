import * as assert from 'uvu/assert'
import { refusal } from '../../core/plan/abi.ts'
import { checkPlan, PlanInvalid } from '../../core/plan/check.ts'
import { decode } from '../../core/plan/decode.ts'
import { suite } from '../support/suite.ts'
import { readCorpus } from './corpus.ts'

const test = suite('the reject corpus')
const corpus = readCorpus()

test('has a file for every refusal code, and no other files', () => {
  const codes = new Set(corpus.map(({ code }) => code))
  assert.equal([...codes].sort(), Object.keys(refusal).sort())
})

for (const { file, code, op, bytes } of corpus) {
  test(`checkPlan() refuses ${file}`, () => {
    for (const read of [checkPlan, decode]) {
      assert.throws(() => read(bytes), (error: unknown) => {
        if (!(error instanceof PlanInvalid)) throw error
        assert.is(error.refusal, code)
        assert.is(error.op, op)
        return true
      })
    }
  })
}

test.run()
