/**
 * Reads archives in tests: all members with their contents.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { streamSource } from '../../core/host/tree/bytes.ts'
import type { Entry } from '../../core/host/tree/entry.ts'
import type { TreeLimits } from '../../core/host/tree/limits.ts'
import { readTar } from '../../core/host/tree/tar.ts'

export interface Read {
  readonly entry: Entry
  /** A file's data without its holes, and where each run began. */
  readonly data: string
  readonly runs: readonly number[]
}

/** @param chunk bytes that the source gives at a time */
export async function readAll(
  archive: Buffer,
  { chunk = 100, limits }: { chunk?: number; limits?: TreeLimits } = {},
): Promise<readonly Read[]> {
  async function* stream() {
    for (let at = 0; at < archive.length; at += chunk) yield archive.subarray(at, at + chunk)
  }
  const all: Read[] = []
  const options = limits === undefined ? {} : { limits }
  for await (const entry of readTar(streamSource(stream()), { archive: 'x.tar', ...options })) {
    let data = ''
    let end = -1
    const runs: number[] = []
    if (entry.kind === 'file' && entry.content.kind === 'stream') {
      for await (const { at, bytes } of entry.content.pieces) {
        if (at !== end) runs.push(at)
        end = at + bytes.length
        data += Buffer.from(bytes).toString('latin1')
      }
    }
    all.push({ entry, data, runs })
  }
  return all
}

/** The message that reading an archive fails with; empty when it does not. */
export async function failureOf(archive: Buffer, limits?: TreeLimits): Promise<string> {
  try {
    await readAll(archive, limits === undefined ? {} : { limits })
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
