import * as assert from 'uvu/assert'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { suite } from '../support/suite.ts'
import { describeExit, parseExit } from '../../core/guest/exit.ts'
import {
  formatList,
  formatStatuses,
  formatUptime,
  type GuestStatus,
  statusesJson,
  statusJson,
} from '../../core/guest/status.ts'
import { world } from './support/world.ts'

const test = suite('native list and status', {
  needs: ['root', 'executor', 'gcc'],
  timeoutMs: 30_000,
})

type World = ReturnType<typeof world>

/** What the appliance would print of a guest, with the times that the front door printed. */
function expected(w: World, name: string, shown: { uptimeMs: number | null }): GuestStatus {
  const record = w.state(name)
  const exit = w.exit(name)
  return {
    state: record?.state ?? (exit === undefined ? 'created' : 'stopped'),
    initPid: record?.init.pid,
    startedAtMs: record === undefined ? undefined : Number(record.startedAtNs / 1_000_000n),
    uptimeMs: shown.uptimeMs ?? undefined,
    restarts: record?.restarts ?? 0,
    lastExit: exit === undefined ? undefined : readFileSync(w.guestDir(name, 'exit.json'), 'utf8'),
    pending: [],
    card: {
      name,
      from: 'dir:/srv/tree',
      template: undefined,
      ids: { first: 2_000_000_000, count: 65536 },
      cgroup: `/vserver-000000/${name}`,
      network: 'none',
    },
  }
}

test('prints what the appliance prints, byte for byte', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  const names = ['web', 'a-long-name-for-a-guest', 'db', 'off', 'new']
  for (const name of names) w.guest(name, ['term'])
  for (const name of ['web', 'a-long-name-for-a-guest', 'db', 'off']) w.run('start', name)
  w.run('stop', 'off')
  w.run('kill', 'db')
  w.run('start', 'db')
  const json = w.run('list', '--json').stdout
  const shown = JSON.parse(json)
  const sorted = [...names].sort()
  assert.equal(shown.map(({ name }: { name: string }) => name), sorted)
  const statuses = sorted.map((name, index) => expected(w, name, shown[index]))
  assert.is(json, statusesJson(statuses))
  assert.is(w.run('list').stdout, formatList(statuses))
  assert.is(w.run('list', '--quiet').stdout, sorted.map((name) => `${name}\n`).join(''))
  const status = w.run('status', ...sorted).stdout
  assert.is(status, formatStatuses(statuses))
  const one = JSON.parse(w.run('status', 'db', '--json').stdout)[0]
  assert.is(JSON.stringify(one), statusJson(expected(w, 'db', one)))
})

test('lists nothing where nothing is, and unknown names besides the known', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  assert.equal([w.run('list').stdout, w.run('list').status], [
    'NAME  STATE  PID  UPTIME  FROM\n',
    0,
  ])
  assert.is(w.run('list', '--json').stdout, '[]\n')
  w.guest('web', ['term'])
  for (const verb of ['list', 'status']) {
    const result = w.run(verb, 'nobody', 'web')
    assert.is(result.status, 4)
    assert.match(result.stdout, 'web')
    assert.match(result.stderr, `vserver: Cannot ${verb} "nobody": there is no such guest`)
  }
})

test('leaves a list to the appliance when one card is not valid', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  w.guest('db', ['term'])
  rmSync(w.runDir('db', 'start.kept'))
  const result = w.runNative('list')
  assert.equal([result.status, result.stdout], [1, ''])
  assert.is(w.runNative('list', 'web').status, 0)
})

test('prints every kind of end as the appliance does', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  const at = '2026-11-23T14:00:00.000Z'
  const ends = [
    { code: 0, signal: null, at, reason: 'exited' },
    { code: 255, signal: null, at, reason: 'exited' },
    { code: null, signal: 9, at, reason: 'killed' },
    { code: 0, signal: null, at, reason: 'poweroff' },
    { code: null, signal: null, at, reason: 'failed' },
    { code: null, signal: null, at, reason: 'lost' },
    { code: 7, signal: null, at, reason: 'stopped' },
  ]
  for (const end of ends) {
    const text = JSON.stringify(end)
    writeFileSync(w.guestDir('web', 'exit.json'), text)
    const { stdout } = w.run('status', 'web')
    assert.match(stdout, `last exit  ${describeExit(parseExit(text))}\n`)
    assert.match(stdout, ['failed', 'lost'].includes(end.reason) ? 'web: failed' : 'web: stopped')
    assert.is(JSON.stringify(JSON.parse(w.run('status', '--json', 'web').stdout)[0].lastExit), text)
  }
  // What a power failure may leave of it.
  writeFileSync(w.guestDir('web', 'exit.json'), '')
  assert.match(w.runNative('status', 'web').stdout, 'web: created')
  assert.is(JSON.parse(w.run('status', '--json', 'web').stdout)[0].lastExit, null)
  writeFileSync(w.guestDir('web', 'exit.json'), 'not JSON')
  assert.is(w.runNative('status', 'web').status, 1)
})

test('tells uptimes as the appliance does', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  w.run('start', 'web')
  const record = readFileSync(w.runDir('web', 'state'))
  const started = record.readBigUInt64LE(112)
  for (const seconds of [0, 59, 60, 3599, 3600, 86399, 86400, 10 * 86400 + 3 * 3600]) {
    const at = BigInt.asUintN(64, started - BigInt(seconds) * 1_000_000_000n)
    record.writeBigUInt64LE(at, 112)
    writeFileSync(w.runDir('web', 'state'), record)
    const shown = JSON.parse(w.run('list', '--json').stdout)[0].uptimeMs
    if (Math.floor(shown / 1000) !== seconds) continue
    assert.match(w.run('list').stdout, `  ${formatUptime(seconds * 1000)}  `)
  }
  record.writeBigUInt64LE(started, 112)
  writeFileSync(w.runDir('web', 'state'), record)
})

test('does not take other entries of the directory for guests', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  mkdirSync(w.guestDir('.web.tmp-1'))
  mkdirSync(w.guestDir('Upper'))
  assert.is(w.run('list', '--quiet').stdout, 'web\n')
})

test.run()
