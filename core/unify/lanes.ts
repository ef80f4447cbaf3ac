/**
 * Executors that work side by side on one run: each has descriptors of its own of the directories that it works
 * in.
 *
 * @module
 */
import { type Ops, opStream } from '../host/tree/ops.ts'
import { errno } from '../linux/errno.ts'
import { slot } from '../plan/abi.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import { closeDescriptor, openDirectory } from './descriptor.ts'

export interface Lane {
  readonly session: Session
  /** Runs a plan of ops that are emitted at once. @returns what they reported */
  run(emit: (ops: Ops) => void): Promise<Uint8Array>
  /** Number of the directory in the executor, opened once; `undefined` when there is none any more. */
  directory(path: string): Promise<number | undefined>
  /** Closes all directories; the executor goes on. */
  close(): Promise<void>
}

/** Makes a lane of an executor that is there. */
export function makeLane(session: Session): Lane {
  const open = new Map<string, Promise<number | undefined>>()
  const ops = opStream(slot.FREE)
  return {
    session,
    async run(emit) {
      emit(ops)
      const plan = ops.finish()
      const { bytes } = await session.run(plan)
      ops.recycle(plan)
      return bytes
    },
    directory(path) {
      let fd = open.get(path)
      if (fd === undefined) open.set(path, fd = openIfThere(session, path))
      return fd
    },
    async close() {
      for (const pending of open.values()) {
        const fd = await pending
        if (fd !== undefined) await closeDescriptor(session, fd)
      }
      open.clear()
    },
  }
}

async function openIfThere(session: Session, path: string): Promise<number | undefined> {
  try {
    return await openDirectory(session, path)
  } catch (error) {
    if (error instanceof OpFailure && error.errno === errno.ENOENT) return undefined
    throw error
  }
}

/** Each lane twice: an executor has its next plan there when it has done one. */
export const twice = (lanes: readonly Lane[]): readonly Lane[] => [...lanes, ...lanes]

/**
 * Has each worker do one piece of work after the other. After an error or the signal no more is begun.
 *
 * @throws what the work throws, or the signal's reason, once nothing is under way any more
 */
export async function workThrough<W, T>(
  workers: readonly W[],
  { pieces, signal }: { pieces: Iterable<T>; signal?: AbortSignal | undefined },
  work: (worker: W, piece: T) => Promise<void>,
): Promise<void> {
  const rest = pieces[Symbol.iterator]()
  let failed = false
  const serve = async (worker: W) => {
    try {
      while (!failed) {
        signal?.throwIfAborted()
        const next = rest.next()
        if (next.done === true) return
        await work(worker, next.value)
      }
    } catch (error) {
      failed = true
      throw error
    }
  }
  const ends = await Promise.allSettled(workers.map(serve))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
