/**
 * Disk images, made without mounting anything.
 *
 * @module
 */
import { mkdirSync, statfsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LabError, run } from './places.ts'

const MIB = 1 << 20

export type FileSystem = 'ext4' | 'xfs' | 'btrfs'

/**
 * Makes an ext4 image of a directory: owners, modes, times, links and extended attributes are kept.
 *
 * @param spare room beside what the directory holds, in bytes; it takes no place on the host until written
 */
export async function makeImage(
  directory: string,
  { path, spare }: { readonly path: string; readonly spare: number },
): Promise<void> {
  const used = Number(
    (await run('measure', ['du', '-sk', '--apparent-size', directory]))
      .split('\t')[0],
  ) * 1024
  const files = Number(await run('count', ['sh', '-c', 'find "$1" | wc -l', 'sh', directory]))
  needDisk(path, used)
  // Half a block lost per file, inodes, and the journal.
  const size = Math.ceil((used * 1.1 + files * 4608 + spare) / MIB + 96) * MIB
  await sparse(path, size)
  await run('make a disk image', [
    ...['mkfs.ext4', '-q', '-m', '0', '-N', String(files * 2 + Math.ceil(spare / 16384) + 1000)],
    ...['-E', 'lazy_itable_init=1,lazy_journal_init=1,nodiscard', '-d', directory, path],
  ])
}

/** Makes an empty image. */
export async function makeEmpty(path: string, kind: FileSystem, bytes: number): Promise<void> {
  needDisk(path, 64 * MIB)
  await sparse(path, bytes)
  const quiet = kind === 'btrfs' ? ['-q', '-f'] : kind === 'xfs' ? ['-q', '-f'] : ['-q', '-F']
  await run(`make an ${kind} image`, [`mkfs.${kind}`, ...quiet, path])
}

async function sparse(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.truncate(bytes)
  } finally {
    await file.close()
  }
}

/** @throws {LabError} when the file system of `path` cannot take so many bytes more */
export function needDisk(path: string, bytes: number): void {
  mkdirSync(dirname(path), { recursive: true })
  const { bavail, bsize } = statfsSync(dirname(path))
  const free = bavail * bsize
  if (free >= bytes) return
  const mib = (value: number) => `${Math.ceil(value / MIB)} MiB`
  throw new LabError(
    `Cannot write "${path}": too little disk: it needs ${mib(bytes)}, and ${mib(free)} are free`,
  )
}
