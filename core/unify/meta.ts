/**
 * Reads the metadata of files that no listing tells.
 *
 * @module
 */
import type { Xattr } from '../host/tree/entry.ts'
import type { ByteString } from '../host/tree/names.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import { OpFailure } from '../plan/failure.ts'
import type { Session } from '../plan/session.ts'
import { lookAtFiles } from './compare.ts'
import type { Lane } from './lanes.ts'
import { isIdentityXattr, metaKey, type MetaOptions } from './meta_key.ts'
import { type FileNode, memberOf, pathOf } from './tree.ts'

/** Files in one plan. */
const BATCH = 256

/**
 * The metadata keys of files, with inode flags and xattrs; `undefined` for those that are gone by now.
 *
 * @param files each with at least one name
 */
export async function readMeta(
  lane: Lane,
  files: readonly FileNode[],
  options: MetaOptions,
): Promise<readonly (string | undefined)[]> {
  const names = files.map(({ names: [name] }) => {
    if (name === undefined) throw new RangeError('a file without a name')
    return name
  })
  const looks = await lookAtFiles(lane, names.map(memberOf))
  const xattrs = await readXattrsOf(
    lane.session,
    names.map((name, i) => ({ path: pathOf(name), xattrBytes: looks[i]?.xattrBytes ?? 0 })),
  )
  return files.map((file, i) => {
    const look = looks[i]
    const own = xattrs[i]
    if (look === undefined || look.error !== 0 || own === undefined) return undefined
    return metaKey({ ...file, flags: look.flags }, own, options)
  })
}

/** The xattrs of each file that make it what it is; of one that cannot be looked at, `undefined`. */
export async function readXattrsOf(
  session: Session,
  files: readonly { readonly path: ByteString; readonly xattrBytes: number }[],
): Promise<readonly (readonly Xattr[] | undefined)[]> {
  const having = files.flatMap(({ path, xattrBytes }, i) => (xattrBytes > 0 ? [{ path, i }] : []))
  const found: (readonly Xattr[] | undefined)[] = files.map(() => [])
  for (let from = 0; from < having.length; from += BATCH) {
    const some = having.slice(from, from + BATCH)
    const read = await readThose(session, some.map(({ path }) => path))
    for (const [j, { i }] of some.entries()) found[i] = read[j]
  }
  return found
}

async function readThose(
  session: Session,
  paths: readonly ByteString[],
): Promise<readonly (readonly Xattr[] | undefined)[]> {
  try {
    return await readXattrs(session, paths, isIdentityXattr)
  } catch (error) {
    if (!(error instanceof OpFailure)) throw error
    if (paths.length === 1) return [undefined]
    const half = paths.length >> 1
    return [
      ...await readThose(session, paths.slice(0, half)),
      ...await readThose(session, paths.slice(half)),
    ]
  }
}
