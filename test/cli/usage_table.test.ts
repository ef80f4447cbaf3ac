import * as assert from 'uvu/assert'
import { showUsage, usageJson } from '../../core/cli/usage_table.ts'
import type { GuestUsage, Usage } from '../../core/guest/usage.ts'
import { suite } from '../support/suite.ts'

const test = suite('du')

const MIB = 2 ** 20
const amount = (bytes: number, inodes = 1) => ({ bytes, inodes })
const guest = (name: string): GuestUsage => ({
  name,
  apparent: amount(1234.56 * MIB, 123_456),
  exclusive: amount(MIB),
  shared: amount(1000 * MIB),
  share: amount(500 * MIB),
})
const usage: Usage = {
  guests: [guest('web'), guest('a-name-as-long-as-can-be-'.padEnd(63, 'x'))],
  others: [
    { kind: 'template', name: 'debian-trixie-amd64-20260101-0123456789ab', ...amount(3 * MIB) },
    { kind: 'cache', name: undefined, ...amount(5 * MIB) },
    { kind: 'garbage', name: undefined, ...amount(0, 0) },
  ],
  total: amount(2000 * MIB, 9),
  unreadable: 0,
}

test('prints a table of 80 columns, a line for itself to a name that is too long', () => {
  const lines = showUsage(usage).split('\n')
  assert.ok(lines.every((line) => line.length === 80 || line.length === 63 || line === ''))
  assert.match(lines[0] ?? '', /^NAME \(MiB\) +INODES +APPARENT +EXCLUSIVE +SHARED +SHARE +TAKES$/)
  assert.match(lines[1] ?? '', /^web +123456 +1234\.6 +1\.0 +1000\.0 +500\.0 +501\.0$/)
  assert.match(lines[2] ?? '', /^a-name-as-long-as-can-be-x+$/)
  assert.match(lines[3] ?? '', /^ +123456 +1234\.6 /)
  assert.match(lines[4] ?? '', /^downloads that are kept +5\.0$/)
  assert.match(lines[5] ?? '', /^unused template debian-trixie-amd64-20260101-0123456789ab +3\.0$/)
  assert.match(lines[6] ?? '', /^total +2000\.0$/)
  assert.is(lines.length, 8)
})

test('prints only guests when some were named', () => {
  const lines = showUsage({ ...usage, others: undefined }).split('\n')
  assert.is(lines.length, 5)
})

test('prints all of it as JSON', () => {
  const value = JSON.parse(usageJson(usage))
  assert.equal(Object.keys(value), ['guests', 'others', 'total', 'unreadable'])
  assert.equal(Object.keys(value.guests[0]), ['name', 'apparent', 'exclusive', 'shared', 'share'])
  assert.equal(value.guests[0].share, { bytes: 500 * MIB, inodes: 1 })
  assert.equal(value.others[1], { kind: 'cache', name: null, bytes: 5 * MIB, inodes: 1 })
  assert.equal(value.total, { bytes: 2000 * MIB, inodes: 9 })
})

test.run()
