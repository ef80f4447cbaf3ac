/**
 * The part of the verifier that looks into the arguments of special ops. Pure.
 *
 * @module
 */
import { arg, limit, type OpName, type Refusal } from './abi.ts'
import type { RawArg, RawOp, RawPlan } from './check.ts'

/** Flags of clone3 that decide whether the executor can run a program in the child. */
const clone = {
  VM: 0x100n,
  SIGHAND: 0x800n,
  VFORK: 0x4000n,
  THREAD: 0x10000n,
  SETTLS: 0x80000n,
} as const

/** Size of struct clone_args, and offsets of its stack and stack_size. */
const cloneArgs = { SIZE: 88, STACK: 40, STACK_SIZE: 48 } as const

/** struct nlmsghdr. */
const netlink = { HEADER: 16, FLAGS: 6, ACK: 4, ALIGN: 4 } as const

function viewOf(raw: RawPlan, { offset, length }: RawArg): DataView {
  return new DataView(raw.data.buffer, raw.data.byteOffset + offset, length)
}

function checkClone(raw: RawPlan, op: RawOp, self: number): Refusal | undefined {
  const [args, role] = op.args
  if (!args || args.length !== cloneArgs.SIZE) return 'ARG_SHAPE'
  const view = viewOf(raw, args)
  const word = (offset: number) => view.getBigUint64(offset, true)
  const flags = word(0)
  if ((flags & (clone.VM | clone.VFORK)) === clone.VM) return 'CLONE_FLAGS'
  if ((flags & (clone.THREAD | clone.SIGHAND | clone.SETTLS)) !== 0n) return 'CLONE_FLAGS'
  if (word(cloneArgs.STACK) !== 0n || word(cloneArgs.STACK_SIZE) !== 0n) return 'CLONE_FLAGS'
  const target = raw.programs.find((each) => BigInt(each.role) === role?.value)
  return target && target.role !== self ? undefined : 'CLONE_ROLE'
}

function checkNetlink(raw: RawPlan, requests: RawArg): Refusal | undefined {
  const view = viewOf(raw, requests)
  let acks = 0
  for (let at = 0; at < view.byteLength;) {
    const left = view.byteLength - at
    if (left < netlink.HEADER) return 'ARG_SHAPE'
    const length = view.getUint32(at, true)
    if (length < netlink.HEADER || length > left) return 'ARG_SHAPE'
    if ((view.getUint16(at + netlink.FLAGS, true) & netlink.ACK) !== 0) acks++
    at += Math.ceil(length / netlink.ALIGN) * netlink.ALIGN
  }
  return acks > 0 ? undefined : 'ARG_SHAPE'
}

/** Checks what the kinds of the arguments alone do not say. `self` is the role of the op's program. */
export function checkMeaning(
  raw: RawPlan,
  op: RawOp,
  { name, self }: { name: OpName; self: number },
): Refusal | undefined {
  const [first, second, third] = op.args
  if (!first || !second || !third) return 'ARG_SHAPE'
  switch (name) {
    case 'PUT':
      return first.length >= 1 && first.length <= 8 ? undefined : 'ARG_SHAPE'
    case 'LOAD':
      return [1, 2, 4, 8].includes(first.length) ? undefined : 'ARG_SHAPE'
    case 'DECIMAL':
    case 'CLOCK':
      return first.length > 0 ? undefined : 'ARG_SHAPE'
    case 'CLONE':
      return checkClone(raw, op, self)
    case 'OPEN':
    case 'WAIT':
      return first.value < limit.GATES ? undefined : 'GATE'
    case 'NETLINK':
      return checkNetlink(raw, second)
    case 'EXEC':
      return [second, third].every(({ kind, length }) => kind === arg.SLOT || length >= 8)
        ? undefined
        : 'ARG_SHAPE'
    case 'SERVE':
      return second.length >= 2 && raw.data[second.offset + second.length - 1] === 0
        ? undefined
        : 'ARG_SHAPE'
    case 'SYSCALL':
    case 'REPORT':
    case 'REAP':
    case 'PRUNE':
    case 'SWEEP':
    case 'LIST':
    case 'RELINK':
    case 'COMPARE':
      return undefined
    default:
      return name satisfies never
  }
}
