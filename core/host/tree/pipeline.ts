/**
 * Turns a long sequence of ops into plans of bounded size, and keeps the executor busy: while it runs
 * one plan, the next is built.
 *
 * @module
 */
import type { PlanBuilder, ProgramBuilder } from '../../plan/builder.ts'
import type { Session } from '../../plan/session.ts'
import { OpFailure } from '../../plan/failure.ts'
import { treePlan } from './slots.ts'
import type { ByteString } from './names.ts'

/** When a plan is sent: whichever comes first. */
const full = { ops: 12_000, carriedBytes: 2 << 20, copiedBytes: 32 << 20 } as const

/** Takes what one op reported from the front of the bytes, and gives back the rest. */
export type Reader = (reported: Uint8Array) => Uint8Array

export interface PipelineOptions {
  /** Verb phrase of all ops: `write a tree`. */
  readonly phrase: string
  /** Makes an error for people of a plan's failure; `member` is undefined outside of members. */
  readonly explain: (error: unknown, member: ByteString | undefined) => unknown
  readonly signal: AbortSignal
  /** What an abort throws. */
  readonly interrupted: () => unknown
}

export interface Pipeline {
  /** Where to emit ops. Valid until the next `room()`. */
  readonly program: ProgramBuilder
  /** The ops that follow belong to this member. */
  begin(member: ByteString): void
  /** Counts bytes that the plan carries, or copies when it runs. */
  weigh(bytes: { carried?: number; copied?: number }): void
  /** Registers the reader of what the next REPORT gives. */
  expect(reader: Reader): void
  /** Sends the plan if it is full. Descriptors stay; only `program` changes. */
  room(): Promise<void>
  /** Sends what there is, and waits until all has run. */
  finish(): Promise<void>
  /** Waits for the plan that is running, if any, whatever becomes of it. */
  settle(): Promise<void>
}

type Outcome = { readonly kind: 'ran' } | { readonly kind: 'failed'; readonly error: unknown }

export function pipeline(session: Session, options: PipelineOptions): Pipeline {
  let builder: PlanBuilder
  let program: ProgramBuilder
  let members: ByteString[]
  let readers: Reader[]
  let carried: number
  let copied: number
  let ops: number
  let running: Promise<Outcome> | undefined

  const fresh = () => {
    builder = treePlan()
    const inner = builder.program('MAIN')
    inner.step(0, options.phrase)
    members = []
    readers = []
    carried = copied = ops = 0
    program = {
      ...inner,
      call(name, args, emit) {
        ops++
        inner.call(name, args, emit)
      },
    }
  }

  const send = async (): Promise<void> => {
    const plan = builder.build()
    const names = members
    const readOut = readers
    fresh()
    await join()
    running = session.run(plan).then(
      ({ bytes }): Outcome => {
        readOut.reduce((rest, reader) => reader(rest), bytes)
        return { kind: 'ran' }
      },
    ).catch((error: unknown): Outcome => ({
      kind: 'failed',
      error: options.explain(error, names[error instanceof OpFailure ? error.step - 1 : -1]),
    }))
  }

  /** Waits for the plan before. Its failure is thrown here, never left unhandled. */
  const join = async (): Promise<void> => {
    const outcome = await running
    running = undefined
    if (outcome?.kind === 'failed') throw outcome.error
    if (options.signal.aborted) throw options.interrupted()
  }

  fresh()
  return {
    get program() {
      return program
    },
    begin(member) {
      members.push(member)
      program.step(members.length, options.phrase)
    },
    weigh(bytes) {
      carried += bytes.carried ?? 0
      copied += bytes.copied ?? 0
    },
    expect(reader) {
      readers.push(reader)
    },
    async room() {
      if (ops >= full.ops || carried >= full.carriedBytes || copied >= full.copiedBytes) {
        const last = members.at(-1)
        await send()
        if (last !== undefined) {
          members.push(last)
          program.step(members.length, options.phrase)
        }
      }
    },
    async finish() {
      if (ops > 0) await send()
      await join()
    },
    async settle() {
      await running
    },
  }
}
