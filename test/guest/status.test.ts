import * as assert from 'uvu/assert'
import { encodeCard } from '../../core/guest/card.ts'
import {
  formatList,
  formatStatus,
  formatStatuses,
  formatUptime,
  type GuestStatus,
  statusesJson,
  statusJson,
} from '../../core/guest/status.ts'
import { suite } from '../support/suite.ts'

const created: GuestStatus = {
  state: 'created',
  initPid: undefined,
  startedAtMs: undefined,
  uptimeMs: undefined,
  restarts: 0,
  lastExit: undefined,
  pending: [],
  card: {
    name: 'db',
    from: undefined,
    template: 'dir-tree-0123456789ab',
    ids: { first: 2_000_065_536, count: 65536 },
    cgroup: '/vserver-8a5eda/db',
    network: 'none',
  },
}
const running: GuestStatus = {
  state: 'running',
  initPid: 4242,
  startedAtMs: Date.UTC(2026, 10, 23, 14, 0, 0, 7),
  uptimeMs: 192_999,
  restarts: 2,
  lastExit: '{"code":null,"signal":9,"at":"2026-11-23T13:59:00.000Z","reason":"killed"}',
  pending: [],
  card: { ...created.card, name: 'web', from: 'dir:/srv/"x"' },
}

const test = suite('formatStatus()')

test('shows a running guest', () => {
  assert.is(
    formatStatus(running),
    `web: running
  init pid   4242
  started    2026-11-23T14:00:00.007Z (3m 12s)
  from       dir:/srv/"x"
  template   dir-tree-0123456789ab
  ids        2000065536+65536
  cgroup     /vserver-8a5eda/db
  network    none
  restarts   2
  last exit  killed by signal 9 at 2026-11-23T13:59:00.000Z
`,
  )
})

test('shows nothing as -', () => {
  const text = formatStatus(created)
  assert.ok(text.includes('  init pid   -\n  started    -\n  from       -\n'))
  assert.ok(text.endsWith('  last exit  -\n'))
})

test('separates guests by an empty line', () => {
  assert.is(
    formatStatuses([created, running]),
    `${formatStatus(created)}\n${formatStatus(running)}`,
  )
  assert.is(formatStatuses([]), '')
})

const exits = [
  ['{"code":3,"signal":null,"at":"T","reason":"exited"}', 'exited with 3 at T'],
  ['{"code":null,"signal":2,"at":"T","reason":"poweroff"}', 'poweroff at T'],
  ['{"code":0,"signal":null,"at":"T","reason":"stopped"}', 'stopped at T'],
  ['{"code":null,"signal":null,"at":"T","reason":"failed"}', 'failed at T'],
  ['{"code":null,"signal":null,"at":"T","reason":"lost"}', 'lost at T'],
] as const
for (const [lastExit, words] of exits) {
  test(`says ${words}`, () => {
    assert.ok(formatStatus({ ...created, lastExit }).endsWith(`  last exit  ${words}\n`))
  })
}

test('statusJson() keeps the order of the contract, and exit.json as it is', () => {
  assert.is(
    statusJson(running),
    '{"name":"web","state":"running","health":null,"initPid":4242,' +
      '"startedAt":"2026-11-23T14:00:00.007Z","uptimeMs":192999,"from":"dir:/srv/\\"x\\"",' +
      '"template":"dir-tree-0123456789ab","ids":{"first":2000065536,"count":65536},' +
      '"cgroup":"/vserver-8a5eda/db","network":{"mode":"none"},"restarts":2,' +
      '"lastExit":{"code":null,"signal":9,"at":"2026-11-23T13:59:00.000Z","reason":"killed"},' +
      '"pending":[]}',
  )
  assert.is(statusesJson([]), '[]\n')
  const parsed: unknown = JSON.parse(statusesJson([created, running]))
  assert.ok(Array.isArray(parsed) && parsed.length === 2)
})

test('formatList() pads all columns but the last', () => {
  assert.is(
    formatList([created, running]),
    'NAME  STATE    PID   UPTIME  FROM\n' +
      'db    created  -     -       -\n' +
      'web   running  4242  3m 12s  dir:/srv/"x"\n',
  )
  assert.is(formatList([]), 'NAME  STATE  PID  UPTIME  FROM\n')
})

test('formatUptime() shows the two largest units, rounded down', () => {
  const cases = [
    [0, '0s'],
    [999, '0s'],
    [59_999, '59s'],
    [60_000, '1m 0s'],
    [3_599_999, '59m 59s'],
    [3_600_000, '1h 0m'],
    [86_399_999, '23h 59m'],
    [86_400_000, '1d 0h'],
    [8_640_000_000, '100d 0h'],
  ] as const
  for (const [ms, words] of cases) assert.is(formatUptime(ms), words)
})

test('encodeCard() has a text for every place', () => {
  assert.equal(encodeCard(created.card), [
    'db',
    '-',
    'dir-tree-0123456789ab',
    '2000065536+65536',
    '/vserver-8a5eda/db',
    'none',
    '"from":null,"template":"dir-tree-0123456789ab","ids":{"first":2000065536,"count":65536},' +
    '"cgroup":"/vserver-8a5eda/db","network":{"mode":"none"}',
    '-',
  ])
  assert.is(encodeCard(created.card, '/sys/fs/cgroup/x').at(-1), '/sys/fs/cgroup/x')
})

test.run()
