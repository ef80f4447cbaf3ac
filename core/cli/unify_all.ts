/**
 * Unifies the trees of all guests, those on each file system for themselves.
 *
 * @module
 */
import process from 'node:process'
import { configOf } from '../guest/config_of.ts'
import { readHostConfig } from '../guest/host_config.ts'
import { readLife } from '../guest/life.ts'
import { moveOut } from '../guest/move_out.ts'
import { guestExists, listGuests, readGuest, type StoredGuest } from '../guest/store.ts'
import type { StorePlace, Stores } from '../guest/stores.ts'
import { guestOf, listTrees } from '../guest/unify.ts'
import type { Session } from '../plan/session.ts'
import type { Registry } from '../plugin/registry.ts'
import { forgetGone } from '../unify/forget.ts'
import { type Index, withIndex, withIndexUntouched } from '../unify/index_file.ts'
import { type UnifyRequest, type UnifyResult, unifyTrees } from '../unify/run.ts'
import { type FileNode, isReplaced, type Name, type Tree } from '../unify/tree.ts'
import { withGuestLock } from './host.ts'
import type { Cli } from './types.ts'
import { mebibytes, type Unified } from './unified.ts'
import type { OpenHelpers } from './unify_lock.ts'

export interface UnifyHost {
  readonly session: Session
  readonly registry: Registry
  readonly stores: Stores
}

export interface UnifyAllRequest extends UnifyHost {
  /** Guests whose writable layers are looked at, unless they run; none stands for all. */
  readonly names: readonly string[]
  readonly dryRun: boolean
  readonly ignoreTimes: boolean
  readonly openHelpers: OpenHelpers | undefined
}

/** Unifies; the caller holds the lock of unification, but for a dry run. */
export async function unifyAll(cli: Cli, request: UnifyAllRequest): Promise<Unified> {
  const { registry, stores, dryRun, names } = request
  const host = readHostConfig(cli.root).unify
  const chosen = names.length === 0 ? listGuests(cli.root) : names
  const running = chosen.filter((name) => readLife(cli.root, name).kind !== 'none')
  if (running.length > 0) {
    const them = running.length === 1 ? 'it' : 'they'
    cli.out.note(`${running.join(', ')}: what ${them} wrote is left until ${them} stopped`)
  }
  const { groups, users: known } = listTrees(cli.root, {
    stores,
    excludes: host.exclude,
    excludesOf: (guest) => excludesOf(guest, registry),
    stopped: chosen.filter((name) => !running.includes(name)),
  })
  const users = new Map(known)
  const results: UnifyResult[] = []
  for (const { place, trees } of groups) {
    const deed = (index: Index) => unifyGroup(cli, { request, index, place, trees, users })
    results.push(
      dryRun
        ? await withIndexUntouched(place.index, deed)
        : await withIndex(indexPlace(cli, place), deed),
    )
  }
  const sum = (of: (result: UnifyResult) => number) =>
    results.reduce((total, result) => total + of(result), 0)
  return {
    trees: sum(({ trees }) => trees),
    names: sum(({ names }) => names),
    links: sum(({ links }) => links),
    saved: results.flatMap(({ saved }) => [...saved.values()]),
    failures: results.flatMap(({ failures }) => failures),
    users,
  }
}

/** What opens the index of a store, and says so where it has to be made anew. */
export function indexPlace(cli: Cli, { index: path }: StorePlace): Parameters<typeof withIndex>[0] {
  const onDamage = (aside: string) =>
    cli.out.note(`the index was damaged, and is made anew; the old one is "${aside}"`)
  return { path, onDamage }
}

async function unifyGroup(
  cli: Cli,
  { request, index, place: { store }, trees, users }: {
    readonly request: UnifyAllRequest
    readonly index: Index
    readonly place: StorePlace
    readonly trees: readonly Tree[]
    /** Gains the layers that are made. */
    readonly users: Map<string, readonly string[]>
  },
): Promise<UnifyResult> {
  const { session, dryRun, ignoreTimes } = request
  if (!dryRun) {
    const { lib } = cli.root
    const gone = goneTrees(index, trees)
    const freed = await forgetGone(session, {
      ...{ lib, store, gone },
      withIndex: (forget) => forget(index),
    })
    if (freed > 0) cli.out.note(`removed ${mebibytes(freed)} that no guest uses any more`)
  }
  return await unifyTrees(session, {
    ...{ trees, store, index, dryRun },
    ignoreTimes: ignoreTimes || readHostConfig(cli.root).unify.ignoreTimes,
    signal: cli.signal,
    openHelpers: request.openHelpers,
    progress: progressOf(cli),
    async moveOut(tree, files) {
      const moved = await moveOutOf(cli, { session, tree, files })
      for (const { tree: { id } } of moved.values()) users.set(id, [guestOf(tree)])
      return moved
    },
  })
}

/** Ids of trees that the index knows, and that are no more; another one may have the id by now. */
function goneTrees(index: Index, trees: readonly Tree[]): readonly string[] {
  const there = new Map(trees.map((tree) => [tree.id, tree]))
  return [...index.trees()].flatMap(([id, terms]) => {
    const tree = there.get(id)
    return tree === undefined || isReplaced(terms, tree) ? [id] : []
  })
}

/** A guest's file that cannot be read keeps nothing from being shared but what that file might say. */
export function excludesOf(guest: StoredGuest, registry: Registry): readonly string[] {
  return guest.text.includes('unify') ? configOf(guest, registry).unify.exclude : []
}

/** A rate that was taken for a shorter time says nothing. */
const RATE_S = 1

/** Shows how far it is. */
export function progressOf(cli: Cli): UnifyRequest['progress'] {
  let [current, started] = ['', 0]
  return ({ phase, done, total, unit }) => {
    const now = process.uptime()
    if (phase !== current) [current, started] = [phase, now]
    const perSecond = unit !== 'trees' && now - started > RATE_S
      ? { perSecond: done / (now - started) }
      : {}
    cli.out.progress({ phase, done, total, unit, ...perSecond })
  }
}

/** A guest that is locked, or was started meanwhile, keeps its files. */
async function moveOutOf(
  cli: Cli,
  { session, tree, files }: { session: Session; tree: Tree; files: readonly FileNode[] },
): Promise<ReadonlyMap<Name, Name>> {
  const name = guestOf(tree)
  const { root, signal, globals: { lockTimeoutMs: timeoutMs } } = cli
  try {
    return await withGuestLock(cli, { session, name, verb: 'unify' }, async () => {
      if (!guestExists(root, name) || readLife(root, name).kind !== 'none') return new Map()
      const moved = await moveOut(session, {
        root,
        guest: readGuest(root, { name, verb: 'unify' }),
        files,
        excludes: tree.excludes,
        patience: { verb: 'unify', timeoutMs, signal },
      })
      if (moved.size === 0) {
        cli.out.note(`${name} is in use, or has changed meanwhile, and keeps what it wrote`)
      }
      return moved
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'E_BUSY')) throw error
    cli.out.note(`${name} is in use by another command, and keeps what it wrote`)
    return new Map()
  }
}
