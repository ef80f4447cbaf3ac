/**
 * Plots: where points lie, and the line that they are compared with.
 */
import * as assert from 'uvu/assert'
import { suite } from '../test/support/suite.ts'
import { plot, slope } from './plot.ts'

const test = suite('plots')

const axes = { x: 'guests', y: 'seconds' }

test('have the line with the slope of what grows in proportion', () => {
  assert.is(slope([{ x: 1, y: 3 }, { x: 2, y: 6 }, { x: 10, y: 30 }]), 3)
})

test('show every point, the greatest in the upper right corner', () => {
  const lines = plot([{ x: 5, y: 1 }, { x: 50, y: 10 }, { x: 100, y: 20 }], axes)
  assert.is(lines[0], 'seconds')
  assert.match(lines[1] ?? '', /^ {5}20 \|.*\*$/)
  assert.is(lines.join('').split('*').length - 1, 3)
  assert.match(lines.at(-1) ?? '', /100 {2}guests$/)
})

test('leave a point above the line where growth bends', () => {
  const [top = '', ...rest] = plot([{ x: 1, y: 1 }, { x: 2, y: 9 }], axes).slice(1)
  assert.match(top, /\*$/)
  assert.ok(rest.join('').includes('.'))
})

test.run()
