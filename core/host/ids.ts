/**
 * Ranges of user ids for guests. A claim is a symbolic link in a directory that all roots of the host
 * share: its name is the first id, its target the guest's directory. It is made under one host-wide lock,
 * and holds as long as that directory says that it has this range.
 *
 * @module
 */
import {
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { errors } from '../errors.ts'
import type { Session } from '../plan/session.ts'
import { type LockHolder, takeLock } from './lock.ts'
import { ensureDirectory } from './root_dirs.ts'

/** Ids that a guest gets. */
export const ID_COUNT = 65536

/** Where claims are, whatever the root. */
export const idRegistry = '/var/lib/vserver/ids'

/** First and last id that guests may get, inclusive. */
export interface IdBounds {
  readonly first: number
  readonly last: number
}
export const defaultIdBounds: IdBounds = { first: 2_000_000_000, last: 2_147_000_000 }

export interface IdRange {
  readonly first: number
  readonly count: number
}

export interface ClaimRequest {
  /** Absolute path of the guest's directory, which need not be there yet. */
  readonly owner: string
  readonly bounds: IdBounds
  readonly signal?: AbortSignal
  /** For tests; {@link idRegistry} otherwise. */
  readonly registry?: string
  /** For tests: the texts of subuid, subgid and passwd. */
  readonly reserved?: readonly IdRange[]
}

/**
 * Claims the lowest free range, and calls `commit` before the lock is left: it renames the guest's
 * directory into place, so that nobody sees a claim without its guest. A crash between the two leaves a
 * claim without a guest, which the next caller takes.
 *
 * @throws {VServerError} E_ID_EXHAUSTED
 */
export async function claimIds(
  session: Session,
  request: ClaimRequest,
  commit: (ids: IdRange) => Promise<void> | void,
): Promise<IdRange> {
  const registry = request.registry ?? idRegistry
  ensureDirectory(registry)
  const got = await takeLock(session, join(registry, '.lock'), {
    verb: 'create',
    timeoutMs: 60_000,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  })
  if ('holder' in got) throw lockedIds(got.holder)
  let claim: string | undefined
  try {
    const ids = pickRange(request, (first) => isFree(join(registry, String(first)), first))
    claim = join(registry, String(ids.first))
    replaceLink(request.owner, claim)
    await commit(ids)
    claim = undefined
    return ids
  } finally {
    if (claim !== undefined) removeLink(claim)
    await got.lock.release()
  }
}

/** Gives a range back. The guest's directory must be gone, or gone under another name. */
export function releaseIds(first: number, owner: string, registry = idRegistry): void {
  const claim = join(registry, String(first))
  if (readLink(claim) === owner) removeLink(claim)
}

/**
 * Makes a claim follow its guest, whose directory has a new name. Until then the claim holds because of
 * the record in that directory.
 */
export async function moveClaim(
  session: Session,
  { first, from, to, registry = idRegistry }: {
    first: number
    from: string
    to: string
    registry?: string
  },
): Promise<void> {
  ensureDirectory(registry)
  const got = await takeLock(session, join(registry, '.lock'), {
    verb: 'rename',
    timeoutMs: 60_000,
  })
  if ('holder' in got) throw lockedIds(got.holder)
  try {
    const claim = join(registry, String(first))
    if (readLink(claim) !== from) return
    // A claim is never missing, whenever this is interrupted.
    const staged = join(registry, `.new-${first}`)
    replaceLink(to, staged)
    renameSync(staged, claim)
  } finally {
    await got.lock.release()
  }
}

function lockedIds({ pid, verb }: LockHolder) {
  return errors.E_BUSY(`Cannot claim user ids: they are locked by pid ${pid} (vserver ${verb})`, {
    hint: 'try again when that command is done',
  })
}

/** The lowest range of the bounds that is neither reserved nor taken. */
function pickRange(request: ClaimRequest, free: (first: number) => boolean): IdRange {
  const { bounds } = request
  const reserved = request.reserved ?? readReserved()
  for (let first = bounds.first; first + ID_COUNT - 1 <= bounds.last; first += ID_COUNT) {
    const last = first + ID_COUNT - 1
    const taken = reserved.some((range) =>
      range.first <= last && first <= range.first + range.count - 1
    )
    if (!taken && free(first)) return { first, count: ID_COUNT }
  }
  throw errors.E_ID_EXHAUSTED(
    `Cannot claim user ids: no range is free between ${bounds.first} and ${bounds.last}`,
    {
      hint: 'destroy guests that are not needed, or widen "ids" in vserver.yaml',
      details: { first: bounds.first, last: bounds.last },
    },
  )
}

/**
 * A claim holds if the guest's own record says the same. A guest that was renamed, by a command that died
 * before it could move the claim, is found beside the place that the claim names.
 */
function isFree(claim: string, first: number): boolean {
  const owner = readLink(claim)
  if (owner === undefined) return true
  if (recordedFirst(owner) === first) return false
  const renamed = namesIn(dirname(owner)).map((name) => join(dirname(owner), name))
    .find((directory) => recordedFirst(directory) === first)
  if (renamed === undefined) return true
  replaceLink(renamed, claim)
  return false
}

/** Guests in a directory; what is being made or removed there starts with a dot. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith('.'))
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return []
    throw error
  }
}

function recordedFirst(owner: string): number | undefined {
  try {
    const meta: unknown = JSON.parse(readFileSync(join(owner, 'meta.json'), 'utf8'))
    if (typeof meta !== 'object' || meta === null || !('ids' in meta)) return undefined
    const { ids } = meta
    if (typeof ids !== 'object' || ids === null || !('first' in ids)) return undefined
    return typeof ids.first === 'number' ? ids.first : undefined
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR') || error instanceof SyntaxError) {
      return undefined
    }
    throw error
  }
}

/** Ranges that the host has given to its own users: /etc/subuid, /etc/subgid and passwd. */
function readReserved(): readonly IdRange[] {
  return [
    ...parseSubIds(readOptional('/etc/subuid')),
    ...parseSubIds(readOptional('/etc/subgid')),
    ...parsePasswd(readOptional('/etc/passwd')),
  ]
}

/** `name:first:count` a line (subuid(5)). Pure. */
export function parseSubIds(text: string): readonly IdRange[] {
  return text.split('\n').flatMap((line) => {
    const match = /^[^:#]+:(\d+):(\d+)\s*$/.exec(line)
    return match === null ? [] : [{ first: Number(match[1]), count: Number(match[2]) }]
  })
}

/** The user and group of each line of passwd(5). Pure. */
export function parsePasswd(text: string): readonly IdRange[] {
  return text.split('\n').flatMap((line) => {
    const match = /^[^:#]*:[^:]*:(\d+):(\d+):/.exec(line)
    if (match === null) return []
    return [match[1], match[2]].map((id) => ({ first: Number(id), count: 1 }))
  })
}

function replaceLink(target: string, path: string): void {
  removeLink(path)
  symlinkSync(target, path)
}

function removeLink(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return ''
    throw error
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
