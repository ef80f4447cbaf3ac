/**
 * Copies single files that cannot get one more link.
 *
 * @module
 */
import { type BigIntStats, linkSync, lstatSync, mkdirSync, renameSync } from 'node:fs'
import type { Entry } from '../../host/tree/entry.ts'
import { type ByteString, byteString, join, toBytes } from '../../host/tree/names.ts'
import { opStream } from '../../host/tree/ops.ts'
import { scanMember } from '../../host/tree/scan.ts'
import { SLOT_COUNT } from '../../host/tree/slots.ts'
import { timespecs } from '../../host/tree/times.ts'
import { writeTree } from '../../host/tree/writer.ts'
import * as k from '../../linux/constants.ts'
import { text } from '../../plan/program.ts'
import type { Session } from '../../plan/session.ts'
import { sweep } from '../sweep.ts'

export interface FileCopies {
  /** Directory for the copies until they are whole; on the same file system, and not there yet. */
  readonly scratch: string
  readonly signal: AbortSignal | undefined
  /** Absolute path of a directory that all of them are below. */
  readonly origin: string
  /** From below the origin to absolute paths. Files that are one under several names are so afterwards. */
  readonly files: readonly { readonly from: ByteString; readonly to: ByteString }[]
}

interface Copy {
  readonly from: ByteString
  readonly stat: BigIntStats
  readonly names: ByteString[]
}

/** Copies files with everything that they have: content and holes, owner, mode, times, xattrs. */
export async function copyFiles(session: Session, request: FileCopies): Promise<void> {
  const { scratch, origin, files } = request
  const copies = new Map<string, Copy>()
  for (const { from, to } of files) {
    const stat = lstatSync(toBytes(join(byteString(origin), from)), { bigint: true })
    const known = copies.get(`${stat.dev}:${stat.ino}`)
    if (known === undefined) copies.set(`${stat.dev}:${stat.ino}`, { from, stat, names: [to] })
    else known.names.push(to)
  }
  for (const copy of copies.values()) {
    mkdirSync(scratch, { mode: 0o700 })
    await copyOne(session, { ...request, copy })
    await sweep(session, scratch)
  }
}

async function copyOne(
  session: Session,
  { scratch, origin, signal, copy }: FileCopies & { copy: Copy },
): Promise<void> {
  const { from, stat, names: [first = '', ...others] } = copy
  const entry = await scanMember(origin, { path: from, session })
  await writeTree(session, scratch, one(entry), {
    deed: { verb: 'copy', thing: origin },
    origin: { path: origin, kind: 'directory', way: 'range' },
    signal: signal ?? new AbortController().signal,
    progress: () => undefined,
    shares: true,
  })
  const written = join(byteString(scratch), entry.path)
  const program = opStream(SLOT_COUNT)
  program.step(0, 'give a copy its times')
  program.call('utimensat', [
    k.AT_FDCWD,
    text(toBytes(written)),
    timespecs(stat),
    k.AT_SYMLINK_NOFOLLOW,
  ])
  await session.run(program.finish())
  renameSync(toBytes(written), toBytes(first))
  for (const name of others) linkSync(toBytes(first), toBytes(name))
}

// deno-lint-ignore require-await
async function* one(entry: Entry): AsyncGenerator<Entry> {
  yield entry
}
