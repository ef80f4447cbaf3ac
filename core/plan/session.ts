/**
 * Batch sessions: an executor child that runs plans one after the other.
 *
 * Plans go down its standard input as they are; each answer is a frame (`layout.frame`), and after
 * DONE its slots and the reported bytes. Slots and descriptors last from plan to plan.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { type Answer, bodyBytes, type Frame, outcomeOf, readFrame } from './answer.ts'
import { chunkQueue } from './chunks.ts'
import { encode } from './encode.ts'
import { SessionLost } from './failure.ts'
import { size } from './layout.ts'
import type { Plan } from './program.ts'

export type { Answer }

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
    const outcome = outcomeOf(job.plan, head, body)
    return outcome instanceof Error ? job.reject(outcome) : job.resolve(outcome)
  }

  stdout.on('data', (chunk: Uint8Array) => {
    input.push(chunk)
    for (;;) {
      if (!frame) {
        if (input.length < size.FRAME) return
        frame = readFrame(input.take(size.FRAME))
        if (frame === undefined) {
          lose(new SessionLost('The executor sent something that is no frame'))
          return void child.kill('SIGKILL')
        }
      }
      const wanted = bodyBytes(frame)
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
