/**
 * Digests of many files, by executors where the processor has instructions for it.
 *
 * @module
 */
import { errno, errnoName } from '../linux/errno.ts'
import { digestMembers, pathOfMember, PIECE_BYTES, PIECE_FILES, type Sized } from './compare.ts'
import { type Digest, digestFiles } from './digest.ts'
import { type Lane, twice, workThrough } from './lanes.ts'
import { cut } from './pieces.ts'

/** Digests files, in the order given. Those that cannot be read have the reason in their place. */
export async function digestInLanes(
  lanes: readonly Lane[],
  files: readonly Sized[],
  signal?: AbortSignal,
): Promise<readonly Digest[]> {
  const digests = new Array<Digest>(files.length)
  const late: { readonly file: Sized; readonly index: number }[] = []
  const items = files.map((file, index) => ({ file, index }))
  const pieces = cut(items, ({ file }) => Math.max(1 / PIECE_FILES, file.size / PIECE_BYTES))
  await workThrough(twice(lanes), { pieces, signal }, async (lane, piece) => {
    const found = await digestMembers(lane, piece.map(({ file }) => file))
    for (const [i, { file, index }] of piece.entries()) {
      const { digest, error = errno.ENOENT } = found[i] ?? {}
      if (digest !== undefined) digests[index] = Buffer.from(digest)
      else if (error !== 0) digests[index] = errnoName(error)
      else late.push({ file, index })
    }
  })
  const rest = await digestFiles(
    late.map(({ file: { member, size } }) => ({
      path: pathOfMember(member),
      size,
      careful: member.careful,
    })),
    signal === undefined ? {} : { signal },
  )
  late.forEach(({ index }, i) => {
    digests[index] = rest[i] ?? 'ENOENT'
  })
  return digests
}
