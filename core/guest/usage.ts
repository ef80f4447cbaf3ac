/**
 * How much space everything below `var/lib/vserver` takes, and for whom.
 *
 * @module
 */
import type { Root } from '../host/root.ts'
import type { ByteString } from '../host/tree/names.ts'
import * as k from '../linux/constants.ts'
import type { Session } from '../plan/session.ts'
import type { Listed } from '../unify/listed.ts'
import { account, type GuestAccount } from '../usage/account.ts'
import type { Contents } from '../usage/contents.ts'
import { type Amount, type Ledger, makeLedger } from '../usage/ledger.ts'
import { listContents, type ListedPlace, readMarks } from '../usage/list_contents.ts'
import { type KnownParts, seenIn } from '../usage/view.ts'
import { findPlaces, type UsagePlace } from './usage_places.ts'

export interface GuestUsage extends GuestAccount {
  readonly name: string
  /** What the guest sees. */
  readonly apparent: Amount
}

/** What no guest uses. */
export interface OtherUsage extends Amount {
  readonly kind: UsagePlace['kind']
  readonly name: string | undefined
}

export interface Usage {
  readonly guests: readonly GuestUsage[]
  readonly others: readonly OtherUsage[]
  readonly total: Amount
  /** How much could not be looked at. */
  readonly unreadable: number
}

export interface UsageRequest {
  readonly root: Root
  readonly signal: AbortSignal
  readonly progress: (done: number, total: number) => void
}

/** Looks at everything once, however many guests use it. */
export async function readUsage(session: Session, request: UsageRequest): Promise<Usage> {
  const { places, stacks } = findPlaces(request.root)
  const overlaid = new Set([...stacks.values()].flatMap((stack) => stack.slice(0, -1)))
  const ledger = makeLedger()
  const contents = new Map<number, Contents>()
  let unreadable = 0
  for (const [number, place] of places.entries()) {
    request.progress(number, places.length)
    const listed = await listPlace(session, { places, number, ledger, signal: request.signal })
    const { path, users } = place
    if (listed === undefined || path === undefined) continue
    unreadable += listed.unreadable
    if (overlaid.has(number)) {
      contents.set(number, await readMarks(session, { path, contents: listed.contents }))
    } else if (users.length > 0) contents.set(number, listed.contents)
  }
  const accounts = account(places, ledger.portions())
  const known: KnownParts = new WeakMap()
  const guests = [...accounts.guests].map(([name, own]) => {
    const trees = (stacks.get(name) ?? []).flatMap((number) => contents.get(number) ?? [])
    return { name, apparent: seenIn(trees, known), ...own }
  })
  const others = [...accounts.places].map(([number, { bytes, inodes }]) => {
    const { kind = 'other', name } = places[number] ?? {}
    return { kind, name, bytes, inodes }
  })
  return { guests, others, total: accounts.total, unreadable }
}

async function listPlace(
  session: Session,
  { places, number, ledger, signal }: {
    readonly places: readonly UsagePlace[]
    readonly number: number
    readonly ledger: Ledger
    readonly signal: AbortSignal
  },
): Promise<ListedPlace | undefined> {
  const { kind, path, without = [], closed = [] } = places[number] ?? {}
  if (path === undefined) return undefined
  const garbage = places.findIndex((place) => place.kind === 'garbage')
  return await listContents(session, {
    ...{ path, ledger, without, closed, signal },
    placeOf: (below, entry) =>
      kind === 'store' && entry !== undefined && isGarbage(below, entry) ? garbage : number,
  })
}

/** An object that has no other name. */
function isGarbage(path: ByteString, { mode, nlink }: Listed): boolean {
  return path.includes('/') && nlink === 1 && (mode & k.S_IFMT) !== k.S_IFDIR
}
