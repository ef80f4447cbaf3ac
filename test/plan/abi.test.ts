import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { abiHeader } from '../../build/abi.ts'
import { inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const test = suite('abi.h')

test('is what build/abi.ts makes of core/plan/abi.ts', () => {
  assert.is(readFileSync(inRepository('core/executor/abi.h'), 'utf8'), abiHeader())
})

test.run()
