/**
 * Finds out which parts of sparse files hold data.
 *
 * @module
 * @see lseek(2), SEEK_DATA and SEEK_HOLE
 */
import { Buffer } from 'node:buffer'
import { O_CLOEXEC, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../../linux/constants.ts'
import { SEEK_DATA, SEEK_HOLE } from '../../linux/constants.ts'
import { errno } from '../../linux/errno.ts'
import { bytes, text } from '../../plan/program.ts'
import type { Session } from '../../plan/session.ts'
import type { Extent } from './entry.ts'
import { type ByteString, toBytes } from './names.ts'
import { treePlan } from './slots.ts'

const RUNS_A_PLAN = 1024

/**
 * The runs of data in a file. A file system that knows no holes gives one run.
 *
 * @param path absolute
 * @throws {OpFailure} when it cannot be opened
 */
export async function readExtents(
  session: Session,
  { path, size }: { path: ByteString; size: number },
): Promise<readonly Extent[]> {
  const extents: Extent[] = []
  for (let from = 0;;) {
    const found = await readSome(session, {
      path,
      from,
      runs: extents.length === 0 ? 16 : RUNS_A_PLAN,
    })
    let known = from
    for (const { at, end } of found) {
      // Past the last run there is no data (ENXIO, stored as 0): the search starts over.
      if (end <= known || at >= size) return extents
      extents.push({ at, length: Math.min(end, size) - at })
      known = end
    }
    from = known
  }
}

interface Run {
  readonly at: number
  readonly end: number
}

async function readSome(
  session: Session,
  { path, from, runs }: { path: ByteString; from: number; runs: number },
): Promise<readonly Run[]> {
  const builder = treePlan()
  const program = builder.program('MAIN')
  program.step(0, 'look for holes')
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC
  const file = program.keep('open', [text(toBytes(path)), flags, 0])
  const place = builder.slot()
  const places = bytes(16 * runs)
  for (let run = 0; run < runs; run++) {
    const start = run === 0 ? from : place
    program.call('lseek', [file, start, SEEK_DATA], { out: place.slot, ignore: [errno.ENXIO] })
    program.put(places, { offset: 16 * run, width: 8 }, place)
    program.call('lseek', [file, place, SEEK_HOLE], { out: place.slot, ignore: [errno.ENXIO] })
    program.put(places, { offset: 16 * run + 8, width: 8 }, place)
  }
  program.call('close', [file])
  program.emit('REPORT', [places, places.bytes.length])
  const reported = Buffer.from((await session.run(builder.build())).bytes)
  return Array.from({ length: runs }, (_, run) => ({
    at: Number(reported.readBigUInt64LE(16 * run)),
    end: Number(reported.readBigUInt64LE(16 * run + 8)),
  }))
}
