import * as assert from 'uvu/assert'
import { formatTime, parseUnit, type Unit, unitPattern } from '../../core/guest/units.ts'
import { suite } from '../support/suite.ts'

const test = suite('parseUnit()')

const good: readonly (readonly [Unit, unknown, number])[] = [
  ['size', '512M', 512 * 2 ** 20],
  ['size', '4G', 2 ** 32],
  ['size', '1.5K', 1536],
  ['size', '2T', 2 ** 41],
  ['count', 512, 512],
  ['count', '200k', 200_000],
  ['count', '1.5M', 1_500_000],
  ['time', '500ms', 500],
  ['time', '10s', 10_000],
  ['time', '2m', 120_000],
  ['time', '1h', 3_600_000],
  ['time', '1d', 86_400_000],
  ['rate', '100Mbit/s', 1e8],
  ['rate', '1.5kbit/s', 1500],
  ['rate', '9bit/s', 9],
]

for (const [unit, written, value] of good) {
  test(`reads ${written} as a ${unit}`, () => {
    assert.is(parseUnit(unit, written), value)
    if (typeof written === 'string') assert.match(written, new RegExp(unitPattern(unit)))
  })
}

const bad: readonly (readonly [Unit, unknown])[] = [
  ['size', '512'],
  ['size', 512],
  ['size', '512m'],
  ['size', '512 M'],
  ['size', '-1M'],
  ['size', '1e3M'],
  ['size', ''],
  ['size', null],
  ['size', '99999999T'],
  ['count', '0.5'],
  ['count', '1K'],
  ['count', 1.5],
  ['time', 10],
  ['time', '10'],
  ['time', '10S'],
  ['time', '0.5ms'],
  ['time', '1h30m'],
  ['rate', '100M'],
  ['rate', '100Mbit'],
  ['rate', 'constructor'],
]

for (const [unit, written] of bad) {
  test(`refuses ${JSON.stringify(written)} as a ${unit}`, () => {
    assert.throws(() => parseUnit(unit, written), (error: unknown) => error instanceof RangeError)
  })
}

test('formatTime() is the inverse', () => {
  for (const written of ['500ms', '10s', '2m', '1h', '1d', '90s']) {
    assert.is(formatTime(parseUnit('time', written)), written)
  }
  assert.is(formatTime(0), '0ms')
})

test.run()
