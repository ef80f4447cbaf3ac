/**
 * What has been written of a tree, and whether the next member may be written where it wants to. This
 * is what keeps an archive inside its tree: a parent is only ever a directory that the writer made
 * itself, and a hard link only ever joins names that it wrote. Pure: it touches no file.
 *
 * @module
 */
import type { Entry } from './entry.ts'
import { MemberFault } from './fault.ts'
import { type ByteString, parentOf, showName } from './names.ts'

type Made = 'directory' | 'file' | 'symlink' | 'node'

interface Place {
  kind: Made
  /** Members of a directory. */
  members: number
}

/** What has to happen before a member is made. */
export interface Admission {
  /** Directories above it that no member has described, outermost first. */
  readonly missing: readonly ByteString[]
  /** What stands in its place: an earlier member that it replaces, or the same directory. */
  readonly before: 'nothing' | 'name' | 'emptyDirectory' | 'sameDirectory'
}

export interface Registry {
  /**
   * Admits a member, and counts it as written.
   *
   * @throws {MemberFault} when it lies below something that is no directory, links to what was not
   * written, or would replace a directory that has members
   */
  admit(entry: Entry): Admission
  /** Whether a regular file was written here. */
  isFile(path: ByteString): boolean
  /** Names directly below the root. */
  top(): readonly ByteString[]
  readonly members: number
}

/** An empty registry that refuses a member beyond the first `mostMembers`. */
export function registry(mostMembers: number): Registry {
  const places = new Map<ByteString, Place>([['', { kind: 'directory', members: 0 }]])
  const top = new Set<ByteString>()

  const add = (path: ByteString, kind: Made) => {
    places.set(path, { kind, members: 0 })
    const parent = parentOf(path)
    const above = places.get(parent)
    if (above !== undefined) above.members++
    if (parent === '') top.add(path)
    if (places.size - 1 > mostMembers) {
      throw new MemberFault(`there are over ${mostMembers} members`)
    }
  }
  const remove = (path: ByteString) => {
    places.delete(path)
    const above = places.get(parentOf(path))
    if (above !== undefined) above.members--
  }

  /** Directories from the root down to `path` that are not there yet. */
  const missingTo = (path: ByteString): ByteString[] => {
    const missing: ByteString[] = []
    for (let above = path;; above = parentOf(above)) {
      const place = places.get(above)
      if (place?.kind === 'directory') return missing.reverse()
      if (place !== undefined) {
        throw new MemberFault(`it lies below "${showName(above)}", which is a ${place.kind}`)
      }
      missing.push(above)
    }
  }

  const checkLink = (path: ByteString, target: ByteString): Made => {
    const place = places.get(target)
    if (place === undefined) {
      throw new MemberFault(
        `it is a hard link to "${showName(target)}", which did not come before it`,
      )
    }
    if (place.kind === 'directory') {
      throw new MemberFault(`it is a hard link to "${showName(target)}", which is a directory`)
    }
    if (path === target) throw new MemberFault('it is a hard link to itself')
    return place.kind
  }

  return {
    get members() {
      return places.size - 1
    },
    isFile: (path) => places.get(path)?.kind === 'file',
    top: () => [...top],
    admit(entry) {
      const { path } = entry
      const kind = entry.kind === 'hardlink' ? checkLink(path, entry.target) : madeOf(entry.kind)
      if (path === '' && kind !== 'directory') {
        throw new MemberFault('it is the root, and no directory')
      }
      const old = places.get(path)
      if (old?.kind === 'directory' && kind === 'directory') {
        return { missing: [], before: 'sameDirectory' }
      }
      const missing = path === '' ? [] : missingTo(parentOf(path))
      if (old?.kind === 'directory' && old.members > 0) {
        throw new MemberFault('it would replace a directory that has members')
      }
      if (old !== undefined) remove(path)
      for (const directory of missing) add(directory, 'directory')
      add(path, kind)
      const before = old === undefined
        ? 'nothing'
        : old.kind === 'directory'
        ? 'emptyDirectory'
        : 'name'
      return { missing, before }
    },
  }
}

function madeOf(kind: Exclude<Entry['kind'], 'hardlink'>): Made {
  switch (kind) {
    case 'directory':
    case 'file':
    case 'symlink':
      return kind
    case 'fifo':
    case 'socket':
    case 'char':
    case 'block':
      return 'node'
    default:
      return kind satisfies never
  }
}
