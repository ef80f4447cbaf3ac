/**
 * Writable layers that are fresh: empty, and at their root like the one that they take the place of.
 *
 * @module
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  utimesSync,
} from 'node:fs'
import { readXattrs } from '../host/tree/xattrs.ts'
import { planBuilder } from '../plan/builder.ts'
import { bytes } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'

/** Whether a directory holds nothing. */
export function isEmptyDirectory(path: string): boolean {
  return readdirSync(path).length === 0
}

/**
 * Makes a directory that looks like another one from inside a guest: owner, mode, times, ACLs and other
 * extended attributes, but for those of overlayfs.
 *
 * @param like absolute path of an existing directory
 */
export async function makeDirectoryLike(
  session: Session,
  { path, like }: { path: string; like: string },
): Promise<void> {
  const { uid, gid, mode, atimeMs, mtimeMs } = lstatSync(like)
  mkdirSync(path, { mode: 0o700 })
  chownSync(path, uid, gid)
  chmodSync(path, mode & 0o7777)
  const [xattrs = []] = await readXattrs(session, [like])
  if (xattrs.length > 0) {
    const builder = planBuilder()
    const p = builder.program('MAIN')
    p.step(0, `give "${path}" its extended attributes`)
    for (const { name, value } of xattrs) {
      p.call('lsetxattr', [path, name, bytes(value, 1), value.length, 0])
    }
    await session.run(builder.build())
  }
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
}

/** Replaces an empty directory by one like another, see {@link makeDirectoryLike}. */
export async function replaceUpper(
  session: Session,
  { path, like }: { path: string; like: string },
): Promise<void> {
  rmdirSync(path)
  await makeDirectoryLike(session, { path, like })
}
