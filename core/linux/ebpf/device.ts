/**
 * Which devices a cgroup's processes may open or make: an allow-list compiled to a
 * BPF_PROG_TYPE_CGROUP_DEVICE program. Pure.
 *
 * @module
 */
import * as k from '../constants.ts'
import { struct } from '../struct.ts'
import { assembleBpf, type Comparison, type Instruction, type Register } from './assemble.ts'

/** What the program is given. */
export const deviceContext = struct('struct bpf_cgroup_dev_ctx', [
  ['access_type', 'u32'],
  ['major', 'u32'],
  ['minor', 'u32'],
])

export type DeviceAccess = 'read' | 'write' | 'mknod'

/** Devices that may be used. */
export interface DeviceRule {
  readonly type: 'char' | 'block'
  /** First and last, or one. Absent: any. */
  readonly major?: number | readonly [first: number, last: number]
  /** Absent: any. */
  readonly minor?: number
  readonly access: readonly DeviceAccess[]
}

const all = ['read', 'write', 'mknod'] as const
const char = (major: number | readonly [number, number], minor?: number): DeviceRule =>
  minor === undefined
    ? { type: 'char', major, access: all }
    : { type: 'char', major, minor, access: all }

/**
 * What guests may use: null, zero, full, random, urandom, tty, console, ptmx, pseudo terminals, and
 * the making of whiteouts (0:0), which overlayfs is built on.
 */
export const guestDevices: readonly DeviceRule[] = [
  char(1, 3),
  char(1, 5),
  char(1, 7),
  char(1, 8),
  char(1, 9),
  char(5, 0),
  char(5, 1),
  char(5, 2),
  char([136, 143]),
  { type: 'char', major: 0, minor: 0, access: ['mknod'] },
]

const bits = {
  read: k.BPF_DEVCG_ACC_READ,
  write: k.BPF_DEVCG_ACC_WRITE,
  mknod: k.BPF_DEVCG_ACC_MKNOD,
} as const
const EVERYTHING = bits.read | bits.write | bits.mknod

/** Instructions of one rule: falls through to the next rule unless it allows. */
function ruleCode(rule: DeviceRule, next: string): Instruction[] {
  const allowed = rule.access.reduce((mask, access) => mask | bits[access], 0)
  const type = rule.type === 'char' ? k.BPF_DEVCG_DEV_CHAR : k.BPF_DEVCG_DEV_BLOCK
  const skip = (when: Comparison, left: Register, right: number): Instruction => ({
    kind: 'jump',
    when,
    left,
    right,
    to: next,
  })
  const [first, last] = typeof rule.major === 'number' ? [rule.major, rule.major] : rule.major ?? []
  return [
    skip('not-equal', 'r2', type),
    ...(EVERYTHING & ~allowed) === 0 ? [] : [skip('bits', 'r3', EVERYTHING & ~allowed)],
    ...first === undefined || last === undefined
      ? []
      : first === last
      ? [skip('not-equal', 'r4', first)]
      : [skip('less', 'r4', first), skip('greater', 'r4', last)],
    ...rule.minor === undefined ? [] : [skip('not-equal', 'r5', rule.minor)],
    { kind: 'calculate', operation: 'move', to: 'r0', value: 1 },
    { kind: 'exit' },
    { kind: 'label', name: next },
  ]
}

/**
 * The program as `struct bpf_insn[]`: 1 allows, 0 (all that no rule allows) fails with EPERM. Pure.
 */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array<ArrayBuffer> {
  const field = (to: Register, name: 'access_type' | 'major' | 'minor'): Instruction => ({
    kind: 'load',
    to,
    width: 4,
    base: 'r1',
    offset: deviceContext.at(name).offset,
  })
  return assembleBpf([
    field('r2', 'access_type'),
    field('r3', 'access_type'),
    field('r4', 'major'),
    field('r5', 'minor'),
    { kind: 'calculate', operation: 'and', to: 'r2', value: 0xffff },
    { kind: 'calculate', operation: 'shift-right', to: 'r3', value: 16 },
    ...rules.flatMap((rule, index) => ruleCode(rule, `rule ${index + 1}`)),
    { kind: 'calculate', operation: 'move', to: 'r0', value: 0 },
    { kind: 'exit' },
  ])
}
