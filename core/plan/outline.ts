/**
 * Plans as a person reads them: what is done, step by step, and the system calls of each step. The exact
 * text of a plan is in `dump.ts`. Pure.
 *
 * @module
 */
import type { Role } from './abi.ts'
import type { Op, Plan } from './program.ts'

const titles: Readonly<Record<Role, string>> = {
  MAIN: 'main',
  HOST: "host: the process that becomes the guest's supervisor",
  GUEST: "guest: the process that becomes the guest's init",
  HELPER: 'helper: a short-lived child',
  TEARDOWN: 'teardown: whoever finds the guest ended',
  ENTER: 'enter: the vserver command itself',
  COMMAND: 'command: the process that becomes the command',
  FORK: 'fork: a child of the supervisor',
  FORKER: 'forker: the process that starts commands from then on',
}

interface Line {
  readonly step: number
  readonly phrase: string
  readonly calls: readonly string[]
}

/** Storing a value in a structure is no step of its own. */
const silent = new Set(['PUT', 'DECIMAL', 'LOAD'])

function lines(ops: readonly Op[], guest: string): readonly Line[] {
  const found: Line[] = []
  for (const { step, phrase, call, code } of ops) {
    const words = phrase.endsWith(guest) ? phrase.slice(0, -guest.length) : phrase
    const calls = silent.has(code) ? [] : [call]
    const last = found.at(-1)
    if (last?.step === step && last.phrase === words) {
      found[found.length - 1] = { ...last, calls: [...last.calls, ...calls] }
    } else found.push({ step, phrase: words, calls })
  }
  return found
}

/** `openat ×3 close`: equal neighbours once. */
function shorten(calls: readonly string[]): string {
  const runs: { call: string; count: number }[] = []
  for (const call of calls) {
    const last = runs.at(-1)
    if (last?.call === call) last.count++
    else runs.push({ call, count: 1 })
  }
  return runs.map(({ call, count }) => (count === 1 ? call : `${call} ×${count}`)).join(' ')
}

/** A heading for each program, then a line for each step with its system calls below. */
export function outline(plan: Plan, guest: string): string {
  const parts = plan.programs.map(({ role, ops }) => {
    const steps = lines(ops, ` for guest "${guest}"`).map(({ phrase, calls }, index) =>
      `${String(index + 1).padStart(4)}  ${phrase}\n        ${shorten(calls)}\n`
    )
    return `${titles[role]}\n${steps.join('')}`
  })
  return parts.join('\n')
}
