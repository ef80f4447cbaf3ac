import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
import { INSTRUCTION_SIZE } from '../../../core/linux/ebpf/assemble.ts'
import {
  deviceContext,
  deviceProgram,
  type DeviceRule,
  guestDevices,
} from '../../../core/linux/ebpf/device.ts'
import { simulateBpf } from '../../../core/linux/ebpf/simulate.ts'

const test = suite('deviceProgram()')

const accesses = {
  read: k.BPF_DEVCG_ACC_READ,
  write: k.BPF_DEVCG_ACC_WRITE,
  mknod: k.BPF_DEVCG_ACC_MKNOD,
}
const types = { char: k.BPF_DEVCG_DEV_CHAR, block: k.BPF_DEVCG_DEV_BLOCK }

function ask(
  program: Uint8Array,
  type: keyof typeof types,
  access: number,
  device: [number, number],
) {
  const context = deviceContext.encode({
    access_type: access << 16 | types[type],
    major: device[0],
    minor: device[1],
  })
  return simulateBpf(program, { context }) === 1n
}

/** What the rules say, worked out without the compiler. */
function wanted(
  rules: readonly DeviceRule[],
  type: string,
  access: number,
  [major, minor]: [number, number],
) {
  return rules.some((rule) => {
    const [first, last] = typeof rule.major === 'number'
      ? [rule.major, rule.major]
      : rule.major ?? [0, 2 ** 32]
    const mask = rule.access.reduce((sum, name) => sum | accesses[name], 0)
    return rule.type === type && major >= first && major <= last && (access & ~mask) === 0 &&
      (rule.minor === undefined || rule.minor === minor)
  })
}

const majors = [0, 1, 4, 5, 7, 8, 10, 135, 136, 140, 143, 144, 254, 259, 0xfff, 0xffffffff]
const minors = [...Array(12).keys(), 64, 229, 255, 256, 0xfffff, 0xffffffff]

for (
  const [title, rules] of [
    ['of guests', guestDevices],
    ['that is empty', []],
    ['of everything', [{ type: 'char', access: ['read'] }, {
      type: 'block',
      major: 7,
      access: ['write'],
    }]],
  ] as const
) {
  test(`the list ${title} allows what it says, and nothing else`, () => {
    const program = deviceProgram(rules)
    for (const type of ['char', 'block'] as const) {
      for (const major of majors) {
        for (const minor of minors) {
          for (let access = 1; access < 8; access++) {
            const device: [number, number] = [major, minor]
            const is = ask(program, type, access, device)
            if (is !== wanted(rules, type, access, device)) {
              assert.unreachable(`${type} ${major}:${minor} access ${access}: ${is}`)
            }
          }
        }
      }
    }
  })
}

test('guests have the usual devices and no others', () => {
  const program = deviceProgram(guestDevices)
  assert.ok(ask(program, 'char', accesses.read | accesses.write, [1, 3]))
  assert.ok(ask(program, 'char', accesses.read | accesses.write, [136, 7]))
  assert.ok(ask(program, 'char', accesses.mknod, [0, 0]))
  assert.not(ask(program, 'char', accesses.read, [0, 0]))
  assert.not(ask(program, 'char', accesses.read, [1, 11]))
  assert.not(ask(program, 'char', accesses.read, [1, 1]))
  assert.not(ask(program, 'char', accesses.read, [10, 229]))
  assert.not(ask(program, 'block', accesses.read, [7, 0]))
  assert.not(ask(program, 'block', accesses.mknod, [1, 3]))
})

test('the program of guests is short', () => {
  assert.ok(deviceProgram(guestDevices).length / INSTRUCTION_SIZE < 80)
})

test.run()
