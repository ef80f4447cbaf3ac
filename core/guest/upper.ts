/**
 * Writable layers that are fresh: empty, and at their root like the one that they take the place of.
 *
 * @module
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { byteString, toBytes } from '../host/tree/names.ts'
import { timespecs } from '../host/tree/times.ts'
import { readXattrs } from '../host/tree/xattrs.ts'
import * as k from '../linux/constants.ts'
import { planBuilder } from '../plan/builder.ts'
import { bytes, text } from '../plan/program.ts'
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
  const { uid, gid, mode, atimeNs, mtimeNs } = lstatSync(like, { bigint: true })
  mkdirSync(path, { mode: 0o700 })
  chownSync(path, Number(uid), Number(gid))
  chmodSync(path, Number(mode & 0o7777n))
  const [xattrs = []] = await readXattrs(session, [byteString(like)])
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `make "${path}" like "${like}"`)
  for (const { name, value } of xattrs) {
    // An empty value still needs an address.
    const cell = bytes(value.length === 0 ? 1 : value, 1)
    p.call('lsetxattr', [path, text(toBytes(name)), cell, value.length, 0])
  }
  p.call('utimensat', [k.AT_FDCWD, path, timespecs({ atimeNs, mtimeNs }), 0])
  await session.run(builder.build())
}

/** Replaces an empty directory by one like another, see {@link makeDirectoryLike}. */
export async function replaceUpper(
  session: Session,
  { path, like }: { path: string; like: string },
): Promise<void> {
  rmdirSync(path)
  await makeDirectoryLike(session, { path, like })
}
