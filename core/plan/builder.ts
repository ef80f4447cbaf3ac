/**
 * Builds one plan. Steps are compiled through it: each emits ops, all under the phrase of the step.
 *
 * @module
 */
import { limit, op as opCode, type OpName, type Role, slot } from './abi.ts'
import {
  type Arg,
  type Cell,
  fromSlot,
  type Op,
  type Plan,
  type Program,
  toArg,
  type Value,
} from './program.ts'
import { syscall, type SyscallName } from '../linux/syscalls.ts'

export interface EmitOptions {
  /** errno values that count as success, two at most. */
  readonly ignore?: readonly number[]
  /** Keep the result in this slot. */
  readonly out?: number
  /** The result must equal the argument of this index. */
  readonly whole?: number
}

export interface ProgramBuilder {
  /** Emits a system call and gives back a reference to its result where `out` is set. */
  call(name: SyscallName, args: readonly Value[], options?: EmitOptions): void
  /** Emits a system call whose result (usually a descriptor) is kept in a new slot. */
  keep(name: SyscallName, args: readonly Value[], options?: EmitOptions): Arg
  /** Emits any other op. */
  emit(code: Exclude<OpName, 'SYSCALL'>, args: readonly Value[], options?: EmitOptions): void
  /** Stores a value of `width` bytes into a cell when the plan runs. */
  put(cell: Cell, at: { offset: number; width: number }, value: Value): void
  /** A slot that nothing else uses. Throws RangeError when there is none left. */
  slot(): Arg & { readonly kind: 'slot' }
  /** Sets the phrase and the step number of the ops that follow. */
  step(index: number, phrase: string): void
}

export interface PlanBuilder {
  /** The program of this role, made when it is first asked for. */
  program(role: Role): ProgramBuilder
  /** A slot that nothing else uses. Throws RangeError when there is none left. */
  slot(): Arg & { readonly kind: 'slot' }
  /** A gate that nothing else uses. */
  gate(): number
  build(): Plan
}

/** Starts an empty plan. */
export function planBuilder(): PlanBuilder {
  const programs = new Map<Role, Op[]>()
  let slots: number = slot.FREE
  let gates = 0

  const newSlot = () => {
    if (slots >= limit.SLOTS) throw new RangeError(`a plan has at most ${limit.SLOTS} slots`)
    return { kind: 'slot', slot: slots++ } as const
  }

  const program = (role: Role): ProgramBuilder => {
    const ops = programs.get(role) ?? []
    programs.set(role, ops)
    let step = 0
    let phrase = ''
    const push = (
      code: OpName,
      nr: number,
      call: string,
      args: readonly Value[],
      options: EmitOptions,
    ) => {
      if (phrase === '') throw new Error(`an op of ${role} has no phrase: call step() first`)
      ops.push({
        code,
        nr,
        out: options.out,
        whole: options.whole,
        args: args.map(toArg),
        ignore: options.ignore ?? [],
        phrase,
        call,
        step,
      })
    }
    const call: ProgramBuilder['call'] = (name, args, options = {}) =>
      push('SYSCALL', syscall[name], name, args, options)
    const emit: ProgramBuilder['emit'] = (code, args, options = {}) =>
      push(code, 0, code.toLowerCase(), args, options)
    return {
      call,
      emit,
      slot: newSlot,
      keep(name, args, options = {}) {
        const out = options.out ?? newSlot().slot
        call(name, args, { ...options, out })
        return fromSlot(out)
      },
      put(cell, { offset, width }, value) {
        emit('PUT', [{ kind: 'data', cell, offset, length: width }, value])
      },
      step(index, words) {
        step = index
        phrase = words
      },
    }
  }

  return {
    program,
    slot: newSlot,
    gate() {
      if (gates >= limit.GATES) throw new RangeError(`a plan has at most ${limit.GATES} gates`)
      return gates++
    },
    build() {
      const list: Program[] = [...programs].map(([role, ops]) => ({ role, ops }))
      return { programs: list, slotCount: slots }
    },
  }
}

/** All op names, in the order of their numbers. */
export const opNames = Object.keys(opCode) as readonly OpName[]
