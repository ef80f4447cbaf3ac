/**
 * Turns a long sequence of ops into plans of bounded size, and keeps the executor busy: while it runs
 * one plan, the next is built.
 *
 * @module
 */
import type { Session } from '../../plan/session.ts'
import { OpFailure } from '../../plan/failure.ts'
import type { ByteString } from './names.ts'
import { type Ops, type OpStream, opStream } from './ops.ts'
import { SLOT_COUNT } from './slots.ts'

/**
 * When a plan is sent: whichever comes first. So many ops fit into the buffer of the executor's socket,
 * which the event loop would otherwise have to fill while the next plan is being built.
 */
const full = { ops: 800, carriedBytes: 1 << 20, copiedBytes: 32 << 20 } as const

/** Plans that are on their way at once. */
const DEPTH = 2

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
  /** Where to emit ops. */
  readonly program: Ops
  /** The ops that follow belong to this member. */
  begin(member: ByteString): void
  /** Counts bytes that the plan carries, or copies when it runs. */
  weigh(bytes: { carried?: number; copied?: number }): void
  /** Registers the reader of what the next REPORT gives. */
  expect(reader: Reader): void
  /** Sends the plan if it is full. */
  room(): Promise<void>
  /** Sends what there is, and waits until all has run. */
  finish(): Promise<void>
  /** Waits for the plans that are on their way, whatever becomes of them. */
  settle(): Promise<void>
}

type Outcome = { readonly kind: 'ran' } | { readonly kind: 'failed'; readonly error: unknown }

export function pipeline(session: Session, options: PipelineOptions): Pipeline {
  const program: OpStream = opStream(SLOT_COUNT)
  let members: ByteString[]
  let readers: Reader[]
  let carried: number
  let copied: number
  const running: Promise<Outcome>[] = []

  const fresh = () => {
    program.step(0, options.phrase)
    members = []
    readers = []
    carried = copied = 0
  }

  const send = async (): Promise<void> => {
    const plan = program.finish()
    const names = members
    const readOut = readers
    fresh()
    await join(DEPTH - 1)
    running.push(
      session.run(plan).then(
        ({ bytes }): Outcome => {
          readOut.reduce((rest, reader) => reader(rest), bytes)
          return { kind: 'ran' }
        },
      ).catch((error: unknown): Outcome => ({
        kind: 'failed',
        error: options.explain(error, names[error instanceof OpFailure ? error.step - 1 : -1]),
      })),
    )
  }

  /** Waits until at most `most` plans are on their way. A failure is thrown here, never unhandled. */
  const join = async (most: number): Promise<void> => {
    while (running.length > most) {
      const outcome = await running.shift()
      if (outcome?.kind === 'failed') throw outcome.error
    }
    if (options.signal.aborted) throw options.interrupted()
  }

  fresh()
  return {
    program,
    begin(member) {
      members.push(member)
      program.step(members.length, options.phrase)
    },
    weigh(bytes) {
      carried += bytes.carried ?? 0
      copied += bytes.copied ?? 0
    },
    expect(reader) {
      const member = members.at(-1)
      readers.push((reported) => {
        try {
          return reader(reported)
        } catch (error) {
          throw options.explain(error, member)
        }
      })
    },
    async room() {
      if (program.count >= full.ops || carried >= full.carriedBytes || copied >= full.copiedBytes) {
        const last = members.at(-1)
        await send()
        if (last !== undefined) {
          members.push(last)
          program.step(members.length, options.phrase)
        }
      }
    },
    async finish() {
      if (program.count > 0) await send()
      await join(0)
    },
    async settle() {
      await Promise.all(running)
    },
  }
}
