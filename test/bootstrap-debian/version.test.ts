import * as assert from 'uvu/assert'
import { compareVersions, isVersion, satisfies } from '../../plugins/bootstrap-debian/version.ts'
import { suite } from '../support/suite.ts'

const test = suite('compareVersions()')

// Pairs in rising order: from dpkg's own tests and from Policy 5.6.12.
const rising: readonly (readonly [string, string])[] = [
  ['1.0~rc1', '1.0'],
  ['1.0~~', '1.0~~a'],
  ['1.0~~a', '1.0~'],
  ['1.0~', '1.0'],
  ['1.0', '1.0a'],
  ['1.0-1', '1.0-2'],
  ['1.0-9', '1.0-10'],
  ['1.9', '1.10'],
  ['1.0', '1.0-1'],
  ['1.2.3', '1.2.3+b1'],
  ['2.36-9+deb12u9', '2.36-9+deb12u14'],
  ['5.2.15-2', '5.2.15-2+b13'],
  ['9', '1:0'],
  ['1:9', '2:0'],
  ['1.a', '1.+'],
  ['1.0a', '1.0b'],
  ['0a', '0.'],
  ['1.99999999999999999998', '1.99999999999999999999'],
]

test('orders as dpkg does', () => {
  for (const [lower, higher] of rising) {
    assert.ok(compareVersions(lower, higher) < 0, `${lower} < ${higher}`)
    assert.ok(compareVersions(higher, lower) > 0, `${higher} > ${lower}`)
  }
})

test('takes different spellings of one version for equal', () => {
  for (
    const [a, b] of [['1.0', '0:1.0'], ['1.00', '1.0'], ['1.01', '1.1'], ['1-0', '1']] as const
  ) {
    assert.is(compareVersions(a, b), 0, `${a} = ${b}`)
  }
})

test('satisfies() knows all operators', () => {
  assert.ok(satisfies('1', '<<', '2') && !satisfies('2', '<<', '2'))
  assert.ok(satisfies('2', '<=', '2') && !satisfies('3', '<=', '2'))
  assert.ok(satisfies('2', '=', '0:2') && !satisfies('2.1', '=', '2'))
  assert.ok(satisfies('2', '>=', '2') && !satisfies('1', '>=', '2'))
  assert.ok(satisfies('3', '>>', '2') && !satisfies('2', '>>', '2'))
})

test('isVersion() refuses what would be a path or an option', () => {
  assert.ok(isVersion('1:2.3~rc1+dfsg-4'))
  for (const bad of ['', '../1', '-1', '1/2', '1 2', 'a:1', '1\n2']) assert.not(isVersion(bad), bad)
})

test.run()
