/**
 * Writes one file of a tree.
 *
 * @module
 */
import type { Budget } from './budget.ts'
import {
  type CopyWay,
  emitCopy,
  emitOpenTwin,
  emitSize,
  emitStamp,
  emitWrite,
  readStamp,
} from './content.ts'
import type { DirectoryCache } from './directories.ts'
import { emitAttributes, emitCreate, type Spot } from './emit.ts'
import type { Content, FileEntry } from './entry.ts'
import { MemberFault } from './fault.ts'
import { parentOf } from './names.ts'
import type { Pipeline } from './pipeline.ts'
import { origin, source } from './slots.ts'
import type { Arg } from '../../plan/program.ts'

/** One op copies or carries at most this much, so that an abort is heard soon. */
const COPY_BYTES = 32 << 20
const CARRY_BYTES = 1 << 20

export interface FileContext {
  readonly pipe: Pipeline
  readonly spot: Spot
  /** Directories of the origin. */
  readonly twins: DirectoryCache
  readonly way: CopyWay
  readonly budget: Budget
  /** Called with the bytes that the last ops wrote. */
  readonly advance: (bytes: number) => void
}

/** Emits a whole file; sends plans on the way when it is large. */
export async function writeFile(entry: FileEntry, context: FileContext): Promise<void> {
  const { pipe, spot } = context
  emitCreate(pipe.program, spot)
  const end = await writeContent(entry, context)
  if (end < entry.size) emitSize(pipe.program, entry.size)
  emitAttributes(pipe.program, entry)
}

/** @returns where the last data ends */
async function writeContent(entry: FileEntry, context: FileContext): Promise<number> {
  const { content } = entry
  switch (content.kind) {
    case 'twin':
      return await writeTwin(entry, content, context)
    case 'slice':
      return await writeRuns(content, context, { input: origin, from: content.from })
    case 'stream':
      return await writeStream(content, context)
    default:
      return content satisfies never
  }
}

type OfKind<Kind extends Content['kind']> = Extract<Content, { kind: Kind }>

async function writeTwin(
  entry: FileEntry,
  content: OfKind<'twin'>,
  context: FileContext,
): Promise<number> {
  const { pipe, spot, twins } = context
  if (entry.size === 0) return 0
  emitOpenTwin(pipe.program, {
    directory: twins.use(pipe.program, parentOf(entry.path)),
    path: spot.path,
  })
  const end = await writeRuns(content, context, { input: source, from: undefined })
  emitStamp(pipe.program)
  pipe.expect((reported) => {
    const { stamp, rest } = readStamp(reported)
    const { ino, size, ctimeNs } = content.stamp
    if (stamp.ino !== ino || stamp.size !== size || stamp.ctimeNs !== ctimeNs) {
      throw new MemberFault('it changed while it was being copied')
    }
    return rest
  })
  return end
}

interface Runs {
  readonly input: Arg
  /** Where the runs stand one after the other; undefined: at their own places. */
  readonly from: number | undefined
}

async function writeRuns(
  { extents }: OfKind<'twin' | 'slice'>,
  { pipe, advance, budget, way }: FileContext,
  { input, from }: Runs,
): Promise<number> {
  let inputAt = from ?? 0
  let inputMoved = from !== undefined
  let end = 0
  for (const { at, length } of extents) {
    if (from === undefined && inputAt !== at) {
      inputAt = at
      inputMoved = true
    }
    let outputMoved = end !== at
    for (let done = 0; done < length;) {
      const count = Math.min(COPY_BYTES, length - done)
      budget.spend(count)
      emitCopy(pipe.program, {
        input,
        from: inputMoved ? inputAt : undefined,
        at: outputMoved ? at : undefined,
        length: count,
        way,
      })
      inputMoved = outputMoved = false
      inputAt += count
      done += count
      pipe.weigh({ copied: count })
      advance(count)
      await pipe.room()
    }
    end = at + length
  }
  return end
}

async function writeStream({ pieces }: OfKind<'stream'>, context: FileContext): Promise<number> {
  const { pipe, advance, budget } = context
  let end = 0
  for await (const { at, bytes } of pieces) {
    for (let done = 0; done < bytes.length; done += CARRY_BYTES) {
      const chunk = bytes.subarray(done, done + CARRY_BYTES)
      budget.spend(chunk.length)
      emitWrite(pipe.program, { at: end === at + done ? undefined : at + done, bytes: chunk })
      end = at + done + chunk.length
      pipe.weigh({ carried: chunk.length })
      advance(chunk.length)
      await pipe.room()
    }
  }
  return end
}
