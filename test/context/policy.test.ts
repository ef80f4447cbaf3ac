import * as assert from 'uvu/assert'
import { guestLimits, keptCapabilities } from '../../core/context/policy.ts'
import { limitsFor } from '../../core/context/start.ts'
import { capability } from '../../core/linux/capabilities.ts'
import { RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_NPROC } from '../../core/linux/constants.ts'
import { suite } from '../support/suite.ts'
import { guest, hybrid } from './support.ts'

const test = suite('guestLimits()')
const infinity = (1n << 64n) - 1n
const hard = (changes: Readonly<Record<number, bigint>>): readonly bigint[] =>
  Array.from({ length: 16 }, (_, resource) => changes[resource] ?? infinity)

test('sets every resource, whatever the caller has', () => {
  const { limits, shortages } = guestLimits(undefined)
  assert.is(limits.length, 16)
  assert.is(new Set(limits.map(({ resource }) => resource)).size, 16)
  assert.equal(shortages, [])
})

test('stays below the hard limits of a caller that cannot raise them', () => {
  const { limits, shortages } = guestLimits(hard({ [RLIMIT_NOFILE]: 20000n }))
  const files = limits.find(({ resource }) => resource === RLIMIT_NOFILE)
  assert.is(files?.hard, 20000n)
  assert.is(files?.soft, 1024n)
  assert.equal(shortages, [])
})

test('names what is too low for any guest', () => {
  const { shortages } = guestLimits(hard({ [RLIMIT_NPROC]: 20n }))
  assert.equal(shortages.map(({ name, has }) => [name, has]), [['processes', 20n]])
  const facts = { ...hybrid, hardLimits: hard({ [RLIMIT_NPROC]: 20n }) }
  assert.throws(
    () => limitsFor(guest, facts),
    /Cannot start "web": the caller's limit on processes is 20, and a guest needs at least 1024/,
  )
})

test('says that a guest needs a limit to be lifted', () => {
  assert.throws(
    () => limitsFor(guest, { ...hybrid, hardLimits: hard({ [RLIMIT_CPU]: 1n }) }),
    /the caller's limit on CPU time is 1, and a guest needs none$/,
  )
})

test('a guest keeps no capability over the kernel as a whole', () => {
  for (const name of ['CAP_SYS_MODULE', 'CAP_SYS_RAWIO', 'CAP_SYS_TIME', 'CAP_BPF'] as const) {
    assert.not(keptCapabilities.includes(capability[name]))
  }
  assert.ok(keptCapabilities.includes(capability.CAP_SYS_ADMIN))
})

test.run()
