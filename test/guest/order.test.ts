import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { nearest } from '../../core/guest/nearest.ts'
import { startLevels } from '../../core/guest/order.ts'
import { leftoverOf } from '../../core/guest/store.ts'
import { suite } from '../support/suite.ts'

const test = suite('startLevels()')

test('puts guests after those that they wait for', () => {
  const after = new Map([['web', ['db', 'cache']], ['cache', ['db']], ['db', []]])
  assert.equal(startLevels(['web', 'cache', 'db', 'other'], after), [
    ['db', 'other'],
    ['cache'],
    ['web'],
  ])
})

test('ignores guests that are not among the names', () => {
  assert.equal(startLevels(['web'], new Map([['web', ['db']]])), [['web']])
  assert.equal(startLevels([], new Map()), [])
})

test('names the guests of a cycle', () => {
  const after = new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]])
  try {
    startLevels(['a', 'b', 'c'], after)
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof VServerError)) throw error
    assert.is(error.code, 'E_CYCLE')
    assert.is(error.message, 'Cannot order guests: b comes after c comes after b')
  }
  assert.throws(() => startLevels(['a'], new Map([['a', ['a']]])), /a comes after a/)
})

test('nearest() finds what was meant', () => {
  const words = ['start', 'stop', 'status', 'restart']
  assert.is(nearest('strat', words), 'start')
  assert.is(nearest('Status', words), 'status')
  assert.is(nearest('stpo', words), 'stop')
  assert.is(nearest('xyzzy', words), undefined)
  assert.is(nearest('', words), undefined)
  assert.is(nearest('x'.repeat(1000), words), undefined)
})

test('leftoverOf() knows what crashed commands leave', () => {
  assert.is(leftoverOf('.new-web-0123456789ab'), 'web')
  assert.is(leftoverOf('.gone-my-web-0123456789ab'), 'my-web')
  assert.is(leftoverOf('web'), undefined)
  assert.is(leftoverOf('.new-web-0123'), undefined)
})

test.run()
