import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import { keptCapabilities } from '../../../core/context/policy.ts'
import { capability, capabilityNames } from '../../../core/linux/capabilities.ts'
import { allowed, exceptions } from '../../../core/linux/seccomp/allowed.ts'
import {
  denied,
  guestPolicy,
  personalities,
  socketFamilies,
} from '../../../core/linux/seccomp/policy.ts'
import { syscall } from '../../../core/linux/syscalls.ts'
import { syscallArm64 } from '../../../core/linux/syscalls_arm64.ts'
import * as profile from './profile.ts'

const test = suite('guestPolicy')

/** Capabilities that a guest keeps over its own namespaces. */
const kept = capabilityNames.filter((name) => keptCapabilities.includes(capability[name]))

const granted = new Set([
  ...profile.always,
  ...kept.flatMap((name) => profile.byCapability[name] ?? []),
  'socket',
  'personality',
])
const permitted = new Set<string>(
  guestPolicy.rules.filter((rule) => rule.action.kind === 'allow').flatMap((rule) => rule.calls),
)

test('is no wider than the default profile of container engines, but for named exceptions', () => {
  const wider = [...permitted].filter((name) => !granted.has(name)).sort()
  assert.equal(wider, Object.keys(exceptions).sort())
})

test('gives a reason for every call of the profile that guests do not get', () => {
  const narrower = [...granted].filter((name) => !permitted.has(name)).sort()
  assert.equal(narrower.filter((name) => !Object.hasOwn(denied, name)), [])
})

test('denies what it says is denied', () => {
  assert.equal(Object.keys(denied).filter((name) => permitted.has(name)), [])
})

test('lets sockets and personalities be no more than the profile does', () => {
  assert.equal(socketFamilies.filter((family) => !profile.families.includes(family)), [])
  assert.equal(personalities.filter((value) => !profile.personalities.includes(value)), [])
})

test('names each call once', () => {
  const names = [
    ...Object.values(allowed).flat(),
    ...Object.keys(exceptions),
    ...Object.keys(denied),
  ]
  assert.is(new Set(names).size, names.length)
})

test('the profile names only calls that exist', () => {
  const names = [...profile.always, ...Object.values(profile.byCapability).flat()]
  const known = (name: string) => Object.hasOwn(syscall, name) || Object.hasOwn(syscallArm64, name)
  assert.equal(names.filter((name) => !known(name)), [])
})

test.run()
