/**
 * The batch session that is there when the runtime starts: the front door hands over the ends of two pipes
 * (`VSERVER_SESSION=FROM,TO`). Nothing that starts processes has to be loaded for it, and a plan is run
 * within the call.
 *
 * So everything else waits while a plan runs. Plans that take long beside other work are for a session of
 * `session.ts`.
 *
 * @module
 */
import { closeSync, readSync, writeSync } from 'node:fs'
import process from 'node:process'
import { bodyBytes, outcomeOf, readFrame } from './answer.ts'
import { encode } from './encode.ts'
import { SessionLost } from './failure.ts'
import { size } from './layout.ts'
import type { Session } from './session.ts'

/** Takes the session that was handed over; `undefined` where there is none, or it is taken. */
export function takeHandedSession(): Session | undefined {
  const [, from, to] = /^(\d+),(\d+)$/.exec(process.env['VSERVER_SESSION'] ?? '') ?? []
  delete process.env['VSERVER_SESSION']
  return from === undefined || to === undefined ? undefined : attach(Number(from), Number(to))
}

function attach(from: number, to: number): Session {
  let lost: SessionLost | undefined
  let closed = false

  const read = (count: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(count)
    for (let at = 0; at < count;) {
      const got = readSync(from, bytes, at, count - at, null)
      if (got === 0) throw new SessionLost('The executor has died')
      at += got
    }
    return bytes
  }
  const ask = (plan: Uint8Array) => {
    for (let at = 0; at < plan.length;) at += writeSync(to, plan, at)
    const frame = readFrame(read(size.FRAME))
    if (frame === undefined) throw new SessionLost('The executor sent something that is no frame')
    return outcomeOf(plan, frame, read(bodyBytes(frame)))
  }
  const close = () => {
    if (closed) return Promise.resolve()
    closed = true
    lost ??= new SessionLost('The session is closed')
    closeSync(to)
    // It ends with its input, and its end of this pipe with it.
    while (readSync(from, new Uint8Array(4096)) > 0);
    closeSync(from)
    return Promise.resolve()
  }
  return {
    run: async (plan) => {
      if (lost !== undefined) throw lost
      try {
        const outcome = ask(plan instanceof Uint8Array ? plan : encode(plan))
        if (outcome instanceof Error) throw outcome
        return outcome
      } catch (error) {
        if (error instanceof SessionLost) lost = error
        else if (isBrokenPipe(error)) {
          throw lost = new SessionLost('The executor has died', { cause: error })
        }
        throw error
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}
