/**
 * ACLs of an archive that name users and groups: GNU tar stores them so. Their numbers are those of the
 * tree's own /etc/passwd and /etc/group, which may come last; so these ACLs are set when all is written.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { encodeAcl, type Ids, parseIds } from './acl.ts'
import type { Entry, Xattr } from './entry.ts'
import { MemberFault } from './fault.ts'
import type { ByteString } from './names.ts'
import type { Registry } from './registry.ts'

/** A member whose ACLs wait for numbers. */
export interface Late {
  readonly path: ByteString
  readonly acls: NonNullable<Exclude<Entry, { kind: 'hardlink' }>['acls']>
}

/** What waits of a member, if anything. @throws {MemberFault} for nodes, which cannot be opened */
export function lateOf(entry: Entry): Late | undefined {
  if (entry.kind === 'hardlink' || entry.acls === undefined || entry.acls.length === 0) {
    return undefined
  }
  if (entry.kind !== 'file' && entry.kind !== 'directory') {
    throw new MemberFault(`its ACL has names, which a ${entry.kind} must not`)
  }
  return { path: entry.path, acls: entry.acls }
}

/**
 * Reads the tree's own numbers. A file that the writer did not write as one, below directories that it
 * made, is not read: it could be a link to the host's.
 *
 * @param destination absolute path of the tree; all that is in it has been written
 */
export function readIds(destination: string, made: Registry): Ids {
  const read = (name: string) =>
    made.isFile(`etc/${name}`) ? readFileSync(`${destination}/etc/${name}`, 'latin1') : ''
  return { user: parseIds(read('passwd')), group: parseIds(read('group')) }
}

/** @throws {MemberFault} when a name has no number */
export function resolveLate({ acls }: Late, ids: Ids): readonly Xattr[] {
  return acls.map(({ xattr, text }) => ({ name: xattr, value: encodeAcl(text, ids) }))
}
