import * as assert from 'uvu/assert'
import { planEnter, planFork, planStart } from '../../core/context/index.ts'
import type { Facts } from '../../core/context/index.ts'
import { maskedPaths, readOnlyPaths } from '../../core/context/policy.ts'
import type { Op, Plan } from '../../core/plan/program.ts'
import { golden } from '../support/golden.ts'
import { suite } from '../support/suite.ts'
import { guest, hybrid, stock } from './support.ts'

const test = suite('planStart(), planEnter()')

const hosts: readonly (readonly [string, Facts])[] = [['hybrid', hybrid], ['stock', stock]]

function ops(facts: Facts, role: string): readonly Op[] {
  const { plan } = planStart(guest, facts)
  return plan.programs.find((program) => program.role === role)?.ops ?? []
}

function last(list: readonly Op[], wanted: (op: Op) => boolean): number {
  return list.findLastIndex(wanted)
}

for (const [name, facts] of hosts) {
  test(`start plan on a ${name} host`, () => golden(`start-${name}`, planStart(guest, facts).plan))
  test(`enter plan on a ${name} host`, () => golden(`enter-${name}`, planEnter(guest, facts).plan))

  test(`fork plan on a ${name} host`, () => golden(`fork-${name}`, planFork(guest, facts).plan))

  test(`the forker goes through all that a command does (${name})`, () => {
    const shape = (plan: Plan, role: string) =>
      plan.programs.find((program) => program.role === role)?.ops.map((op) =>
        `${op.call} ${op.args.map((arg) => arg.kind === 'imm' ? arg.value : arg.kind)}`
      ) ?? []
    const forker = shape(planFork(guest, facts).plan, 'FORKER')
    const after = /^(ioctl|dup3|setns|close_range|chdir|exec) /
    for (const step of shape(planEnter(guest, facts).plan, 'COMMAND')) {
      if (!after.test(step)) assert.ok(forker.includes(step), step)
    }
    assert.match(forker.at(-1) ?? '', 'serve')
    assert.match(forker.at(-2) ?? '', 'seccomp')
  })

  test(`nothing is mounted after the guest may copy the mounts (${name})`, () => {
    const host = ops(facts, 'HOST')
    const open = host.findIndex(({ code, phrase }) => code === 'OPEN' && phrase.includes('"root"'))
    assert.ok(open > 0)
    assert.ok(last(host, ({ call }) => call === 'move_mount' || call === 'pivot_root') < open)
  })

  test(`every mask is made on the host's side, where it locks (${name})`, () => {
    const guestOps = ops(facts, 'GUEST')
    assert.is(guestOps.filter(({ call }) => /mount/.test(call)).length, 0)
    const host = ops(facts, 'HOST')
    for (const path of facts.present) {
      assert.ok(host.some(({ phrase }) => phrase.includes(`"${path}"`)), path)
    }
  })

  test(`the filter is the last thing before execve (${name})`, () => {
    const calls = ops(facts, 'GUEST').map(({ call }) => call)
    assert.is(calls.at(-1), 'execve')
    const after = calls.slice(calls.lastIndexOf('seccomp') + 1)
    assert.equal(after.filter((call) => call !== 'put'), ['execve'])
  })

  test(`a command is in its cgroups before it is in the guest's namespaces (${name})`, () => {
    const { plan } = planEnter(guest, facts)
    const command = plan.programs.find(({ role }) => role === 'COMMAND')?.ops ?? []
    const join = command.findIndex(({ call }) => call === 'setns')
    assert.ok(last(command, ({ phrase }) => phrase.includes('version 1 cgroups')) < join)
  })
}

test('what is masked is not also listed as read-only', () => {
  const masked = maskedPaths.map(([path]) => path)
  assert.equal(readOnlyPaths.filter(([path]) => masked.includes(path)), [])
})

test('a template, a layer and the writable directory are inputs by identity', () => {
  const { inputs } = planStart(guest, hybrid)
  for (const path of [...guest.lowers, `${guest.writable}/upper`, '/srv/www']) {
    assert.ok(inputs.some((input) => typeof input !== 'string' && input.path === path), path)
  }
})

test('too many layers are refused', () => {
  const lowers = Array.from({ length: 20 }, (_, index) => `/l${index}`)
  assert.throws(() => planStart({ ...guest, lowers }, hybrid), /at most \d+ layers/)
})

test.run()
