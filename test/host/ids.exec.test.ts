import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { claimIds, type IdRange, releaseIds } from '../../core/host/ids.ts'
import { openSession } from '../../core/plan/session.ts'
import { executorPath } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const test = suite('claimIds()', { needs: ['root'] })
const base = mkdtempSync(join(tmpdir(), 'vserver-ids-'))
test.after(() => rmSync(base, { recursive: true }))
const bounds = { first: 1_000_000, last: 1_000_000 + 4 * 65536 - 1 }
let count = 0

function place() {
  const directory = join(base, String(count++))
  mkdirSync(join(directory, 'guests'), { recursive: true })
  return {
    registry: join(directory, 'ids'),
    owner: (name: string) => join(directory, 'guests', name),
  }
}

/** What commitGuest() does, as far as claims care. */
const commit = (owner: string) => (ids: IdRange) => {
  mkdirSync(owner)
  writeFileSync(join(owner, 'meta.json'), JSON.stringify({ ids }))
}

const claims = (registry: string) => readdirSync(registry).filter((name) => name !== '.lock')

test('gives the lowest free range, until there is none', async () => {
  await using session = await openSession(executorPath)
  const { registry, owner } = place()
  const claim = (name: string) =>
    claimIds(session, { owner: owner(name), bounds, registry, reserved: [] }, commit(owner(name)))
  for (let i = 0; i < 4; i++) {
    assert.equal(await claim(`g${i}`), { first: 1_000_000 + i * 65536, count: 65536 })
  }
  try {
    await claim('g4')
    assert.unreachable()
  } catch (error) {
    if (!(error instanceof VServerError)) throw error
    assert.is(error.code, 'E_ID_EXHAUSTED')
  }
  rmSync(owner('g1'), { recursive: true })
  releaseIds(1_065_536, owner('g1'), registry)
  assert.is((await claim('g5')).first, 1_065_536)
})

test('skips ranges that the host has given away', async () => {
  await using session = await openSession(executorPath)
  const { registry, owner } = place()
  const reserved = [{ first: 1_000_010, count: 1 }, { first: 1_131_071, count: 2 }]
  const request = { owner: owner('g'), bounds, registry, reserved }
  assert.is((await claimIds(session, request, commit(owner('g')))).first, 1_000_000 + 3 * 65536)
})

test('takes over a claim whose guest is gone, or has another range', async () => {
  await using session = await openSession(executorPath)
  const { registry, owner } = place()
  mkdirSync(registry, { mode: 0o700 })
  symlinkSync(owner('gone'), join(registry, '1000000'))
  commit(owner('moved'))({ first: 5, count: 65536 })
  symlinkSync(owner('moved'), join(registry, '1065536'))
  for (const name of ['a', 'b']) {
    await claimIds(
      session,
      { owner: owner(name), bounds, registry, reserved: [] },
      commit(owner(name)),
    )
  }
  assert.equal(claims(registry), ['1000000', '1065536'])
})

test('leaves no claim when the guest cannot be put in its place', async () => {
  await using session = await openSession(executorPath)
  const { registry, owner } = place()
  const request = { owner: owner('g'), bounds, registry, reserved: [] }
  let thrown: unknown
  try {
    await claimIds(session, request, () => {
      throw new Error('no')
    })
  } catch (error) {
    thrown = error
  }
  assert.is(thrown instanceof Error && thrown.message, 'no')
  assert.equal(claims(registry), [])
  await claimIds(session, request, commit(owner('g')))
})

test('gives two commands at once two ranges', async () => {
  const { registry, owner } = place()
  const names = ['a', 'b', 'c', 'd']
  const ranges = await Promise.all(names.map(async (name) => {
    await using session = await openSession(executorPath)
    const request = { owner: owner(name), bounds, registry, reserved: [] }
    return (await claimIds(session, request, commit(owner(name)))).first
  }))
  assert.is(new Set(ranges).size, 4)
})

test('releaseIds() leaves a claim of somebody else alone', () => {
  const { registry, owner } = place()
  mkdirSync(registry, { mode: 0o700 })
  symlinkSync(owner('other'), join(registry, '1000000'))
  releaseIds(1_000_000, owner('mine'), registry)
  assert.equal(claims(registry), ['1000000'])
})

test.run()
