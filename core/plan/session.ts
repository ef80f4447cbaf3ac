/**
 * Batch sessions: an executor child that runs plans one after the other.
 *
 * Plans go down its standard input as they are; each answer is a frame (`layout.frame`), and after
 * DONE its slots and the reported bytes. Slots and descriptors last from plan to plan.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { frame as frameKind, layout, magic, type Role, role } from './abi.ts'
import { chunkQueue } from './chunks.ts'
import { encode } from './encode.ts'
import { OpFailure, PlanRefused, SessionLost } from './failure.ts'
import { fields, size } from './layout.ts'
import { phraseAt } from './phrase.ts'
import type { Plan } from './program.ts'

/** What a plan gave back. */
export interface Answer {
  /** Values of all the plan's slots, unsigned; `2n ** 64n - 1n` where nothing was stored. */
  readonly slots: readonly bigint[]
  /** What REPORT ops appended. */
  readonly bytes: Uint8Array
}

export interface Session extends AsyncDisposable {
  /**
   * Runs a plan. Several may be queued; they run in the order of the calls.
   *
   * @throws {OpFailure} when an op failed; the session goes on
   * @throws {PlanRefused} when the verifier refused the plan; the session goes on
   * @throws {SessionLost} when the executor died; so do all later calls
   */
  run(plan: Plan | Uint8Array): Promise<Answer>
  /** Ends the session after the queued plans, and waits for the executor's end. */
  close(): Promise<void>
}

interface Pending {
  readonly plan: Uint8Array
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

type Frame = Readonly<Record<(typeof layout.frame)[number][0], number>>

const frameFields = fields(layout.frame)
const roleNames = new Map<number, Role>(
  Object.entries(role).map(([name, value]) => [value, name as Role]),
)

function readFrame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, size.FRAME)
  const entries = frameFields.map(({ name, offset }) => [name, view.getUint32(offset, true)])
  return Object.fromEntries(entries) as Frame
}

/** The error that a frame of kind FAILED tells of, with the words found in the plan. Pure. */
function failureOf(plan: Uint8Array, { program, op, error }: Frame): Error {
  const name = roleNames.get(program)
  const place = name && phraseAt(plan, { role: program, op })
  if (!place) return new SessionLost(`The executor names op ${op} of an unknown program ${program}`)
  return new OpFailure({ program: name, op, errno: error, ...place })
}

/** The end of a child, in words. */
function howItEnded(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `was killed by ${signal}` : `exited with ${code}`
}

/**
 * Starts an executor and waits until it runs.
 *
 * @param executorPath path of `dist/executor` or of its copy
 * @throws {SessionLost} when it cannot be started
 */
export async function openSession(executorPath: string): Promise<Session> {
  const child = spawn(executorPath, ['@batch'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Out of the terminal's process group: after ^C it is what cleans up. It ends with its input.
    detached: true,
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => {
      reject(new SessionLost(`Cannot start the executor "${executorPath}"`, { cause }))
    })
  })
  return attach(child)
}

function attach(child: ChildProcess): Session {
  const { stdin, stdout } = child
  if (!stdin || !stdout) throw new TypeError('a session needs pipes')
  const pending: Pending[] = []
  const input = chunkQueue()
  let frame: Frame | undefined
  let lost: SessionLost | undefined
  let closing = false

  const lose = (error: SessionLost) => {
    lost ??= error
    for (const { reject } of pending.splice(0)) reject(lost)
  }
  const ended = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      lose(
        new SessionLost(
          closing ? 'The session is closed' : `The executor ${howItEnded(code, signal)}`,
        ),
      )
      resolve()
    })
  })

  const settle = (head: Frame, body: Uint8Array<ArrayBuffer>) => {
    const job = pending.shift()
    if (!job) return lose(new SessionLost('The executor answered without a question'))
    switch (head.kind) {
      case frameKind.DONE: {
        const end = head.slot_count * 8
        const slots = [...new BigUint64Array(body.buffer, 0, head.slot_count)]
        return job.resolve({ slots, bytes: body.subarray(end) })
      }
      case frameKind.FAILED:
        return job.reject(failureOf(job.plan, head))
      case frameKind.REFUSED:
        return job.reject(new PlanRefused(head.error, head.op))
      default:
        return job.reject(new SessionLost(`The executor sent a frame of kind ${head.kind}`))
    }
  }

  stdout.on('data', (chunk: Uint8Array) => {
    input.push(chunk)
    for (;;) {
      if (!frame) {
        if (input.length < size.FRAME) return
        frame = readFrame(input.take(size.FRAME))
        if (frame.magic !== magic.FRAME) {
          lose(new SessionLost('The executor sent something that is no frame'))
          return void child.kill('SIGKILL')
        }
      }
      const wanted = frame.kind === frameKind.DONE ? frame.slot_count * 8 + frame.byte_count : 0
      if (input.length < wanted) return
      const head = frame
      frame = undefined
      settle(head, input.take(wanted))
    }
  })
  // EPIPE after the executor's death: 'close' tells of that
  stdin.on('error', (cause) => {
    if (!('code' in cause) || cause.code !== 'EPIPE') {
      lose(new SessionLost('Cannot write to the executor', { cause }))
    }
  })

  const close = async () => {
    closing = true
    stdin.end()
    await ended
  }
  return {
    run(plan) {
      if (lost) return Promise.reject(lost)
      if (closing) return Promise.reject(new SessionLost('The session is closed'))
      return new Promise((resolve, reject) => {
        const bytes = plan instanceof Uint8Array ? plan : encode(plan)
        pending.push({ plan: bytes, resolve, reject })
        stdin.write(bytes)
      })
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
