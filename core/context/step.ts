/**
 * Steps: what is done to a guest, in the words of the field, before it becomes system calls. A plan
 * is a list of them; each compiles to ops of one program, and every op remembers its step, so that a
 * failing system call names what it was for.
 *
 * @module
 */
import { type Role, role, slot } from '../plan/abi.ts'
import { planBuilder, type ProgramBuilder } from '../plan/builder.ts'
import { type Arg, fromSlot, type Plan } from '../plan/program.ts'

/** Where a step came from, so that a failure can name the key to change. */
export interface Origin {
  /** Plugin that contributed the step; absent for the core's own. */
  readonly plugin?: string
  /** Configuration key, such as `mounts[0].source`. */
  readonly key?: string
}

export interface Step {
  /** What kind of step it is: `root`, `mount`, `mask`, … */
  readonly kind: string
  /** The program that the step runs in. */
  readonly role: Role
  /** The words after "Cannot" in a message: `attach tmpfs at "/dev/shm"`. */
  readonly phrase: string
  readonly origin?: Origin
  /** Emits the step's ops. Pure: the same handles give the same ops. */
  readonly emit: (program: ProgramBuilder, handles: Handles) => void
}

/** Run-time values that steps share by name: descriptors, pids, gates. */
export interface Handles {
  /** The slot of a name; allocated when it is first asked for. */
  ref(name: string): Arg
  /** Number of that slot, for `out`. */
  slot(name: string): number
  /** The gate of a name. */
  gate(name: string): number
}

/** Slots whose numbers the executor knows. */
const known: Readonly<Record<string, number>> = {
  argv: slot.ARGV,
  envp: slot.ENVP,
  cwd: slot.CWD,
  initPid: slot.INIT_PID,
  initPidfd: slot.INIT_PIDFD,
  console: slot.CONSOLE,
  consolePeer: slot.CONSOLE_PEER,
  notify: slot.NOTIFY,
  devpts: slot.DEVPTS,
  commandPid: slot.COMMAND_PID,
  runDir: slot.RUN_DIR,
  forker: slot.FORKER,
}

/**
 * Compiles steps to a plan. Pure.
 *
 * @param steps in the order in which each program runs them
 */
export function compileSteps(guest: string, steps: readonly Step[]): Plan {
  const builder = planBuilder()
  const slots = new Map<string, number>(Object.entries(known))
  const gates = new Map<string, number>()
  const handles: Handles = {
    slot(name) {
      const number = slots.get(name) ?? builder.slot().slot
      slots.set(name, number)
      return number
    },
    ref: (name) => fromSlot(handles.slot(name)),
    gate(name) {
      const number = gates.get(name) ?? builder.gate()
      gates.set(name, number)
      return number
    },
  }
  for (const wanted of Object.keys(role) as Role[]) {
    steps.forEach((step, index) => {
      if (step.role !== wanted) return
      const program = builder.program(wanted)
      program.step(index, `${step.phrase} for guest "${guest}"`)
      step.emit(program, handles)
    })
  }
  return builder.build()
}
