/**
 * Turns a long sequence of ops into plans of bounded size, and keeps the executor busy: while it runs
 * one plan, the next is built. Never more: after a failure no plan may run on the descriptors it left.
 *
 * @module
 */
import type { Session } from '../../plan/session.ts'
import { OpFailure } from '../../plan/failure.ts'
import type { ByteString } from './names.ts'
import { type Ops, opStream } from './ops.ts'
import { SLOT_COUNT } from './slots.ts'

/**
 * When a plan is sent: whichever comes first. So many ops fit into the buffer of the executor's socket,
 * which the event loop would otherwise have to fill while the next plan is being built.
 */
const full = { ops: 800, carriedBytes: 1 << 20, copiedBytes: 32 << 20 } as const

/** Takes what one op reported from the front of the bytes, and gives back the rest. */
export type Reader = (reported: Uint8Array) => Uint8Array

/** An op that opens or closes the descriptor in a slot. */
interface Change {
  readonly op: number
  readonly slot: number
  readonly opens: boolean
}

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
  /** Waits for the plan that is on its way, whatever becomes of it; gives back the slots in use. */
  settle(): Promise<readonly number[]>
}

type Outcome = { readonly kind: 'ran' } | { readonly kind: 'failed'; readonly error: unknown }

/** Starts a pipeline over a batch session. */
export function pipeline(session: Session, options: PipelineOptions): Pipeline {
  const stream = opStream(SLOT_COUNT)
  let members: ByteString[]
  let readers: Reader[]
  let carried: number
  let copied: number
  let running: Promise<Outcome> | undefined
  /** Slots that hold an open descriptor after the plans that ran. */
  const held = new Set<number>()
  let changes: Change[]

  const fresh = () => {
    stream.step(0, options.phrase)
    members = []
    readers = []
    changes = []
    carried = copied = 0
  }

  const send = async (): Promise<void> => {
    const plan = stream.finish()
    const names = members
    const readOut = readers
    const done = changes
    fresh()
    await join()
    running = session.run(plan).then(
      ({ bytes }): Outcome => {
        for (const change of done) apply(change)
        stream.recycle(plan)
        readOut.reduce((rest, reader) => reader(rest), bytes)
        return { kind: 'ran' }
      },
      (error: unknown): Outcome => {
        if (!(error instanceof OpFailure)) throw error
        for (const change of done) if (change.op < error.op) apply(change)
        return { kind: 'failed', error: options.explain(error, names[error.step - 1]) }
      },
    ).catch((error: unknown): Outcome => ({
      kind: 'failed',
      error: options.explain(error, undefined),
    }))
  }

  const apply = ({ slot, opens }: Change) => opens ? held.add(slot) : held.delete(slot)

  /** Waits for the plan that is on its way. A failure is thrown here, never unhandled. */
  const join = async (): Promise<void> => {
    const outcome = await running
    running = undefined
    if (outcome?.kind === 'failed') throw outcome.error
    if (options.signal.aborted) throw options.interrupted()
  }

  const program: Ops = {
    ...stream,
    call(name, args, emit) {
      const [first] = args
      const op = stream.count
      if (emit?.out !== undefined && name.startsWith('open')) {
        changes.push({ op, slot: emit.out, opens: true })
      }
      if (name === 'close' && typeof first === 'object' && 'slot' in first) {
        changes.push({ op, slot: first.slot, opens: false })
      }
      stream.call(name, args, emit)
    },
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
      if (stream.count >= full.ops || carried >= full.carriedBytes || copied >= full.copiedBytes) {
        const last = members.at(-1)
        await send()
        if (last !== undefined) {
          members.push(last)
          program.step(members.length, options.phrase)
        }
      }
    },
    async finish() {
      if (stream.count > 0) await send()
      await join()
    },
    async settle() {
      await running
      return [...held]
    },
  }
}
