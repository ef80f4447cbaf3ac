/**
 * Makes equal files one, and keeps count of what that saves.
 *
 * @module
 */
import { errno } from '../linux/errno.ts'
import { adoption, type Choice, choose, type EqualFiles, links } from './choose.ts'
import { variantName, variantOf } from './meta_key.ts'
import type { Relink, Relinker } from './relink.ts'

export interface Saving {
  /** Ids of the trees that have files of the groups that it is from. */
  readonly trees: readonly string[]
  /** Bytes that are not taken any more. */
  bytes: number
  inodes: number
  /** Bytes of memory that what was cached of them took. */
  cached: number
}

export interface Failure {
  readonly item: Relink
  readonly errno: number
}

export interface Shared {
  /** By the trees that share. */
  readonly saved: Map<string, Saving>
  /** Names that are links now. */
  links: number
  /** What is in the store now. */
  readonly objects: { readonly choice: Choice; readonly object: string; readonly ino: number }[]
  /** Inodes that no tree has any more. */
  readonly gone: Set<number>
  readonly failures: Failure[]
  /** Something in the store has no other name any more. */
  garbage: boolean
}

/** Tells the inode number of an object that is what its name says. */
type CheckObject = (choice: Choice) => Promise<number | undefined>

/** Where pages are larger, the kernel's counts are of larger ones: x86 and arm64 have these. */
const PAGE_BYTES = 4096

/** As many inodes as an object may need in a run. */
const VARIANTS = 1000

/**
 * Makes each group of equal files one inode.
 *
 * @param shared where it is counted, beside what is there
 * @param checkObject whether what the store has under a name is what the name says; when it is not, it is
 * put away. Asked when an object is there that the index does not know.
 */
export async function shareEqual(
  relinker: Relinker,
  groups: readonly EqualFiles[],
  { checkObject, shared }: { checkObject: CheckObject; shared: Shared },
): Promise<void> {
  const choices = await adoptAll(relinker, groups.map(choose), { checkObject, shared })
  await linkAll(relinker, choices, { checkObject, shared })
}

/** What it is before anything was done. */
export function nothingShared(): Shared {
  const [saved, gone] = [new Map<string, Saving>(), new Set<number>()]
  return { saved, links: 0, objects: [], gone, failures: [], garbage: false }
}

/** Adds what another batch came to. */
export function addShared(to: Shared, from: Shared): void {
  for (const { trees, bytes, inodes, cached } of from.saved.values()) {
    const sum = savingOf(to, trees)
    sum.bytes += bytes
    sum.inodes += inodes
    sum.cached += cached
  }
  to.links += from.links
  for (const failure of from.failures) to.failures.push(failure)
  to.garbage ||= from.garbage
}

function savingOf({ saved }: Shared, trees: readonly string[]): Saving {
  const key = trees.join('\0')
  let saving = saved.get(key)
  if (saving === undefined) saved.set(key, saving = { trees, bytes: 0, inodes: 0, cached: 0 })
  return saving
}

/** Ids of the trees of a group, each once. */
function treesOf({ files, known }: EqualFiles): readonly string[] {
  const ids = new Set<string>()
  for (const { names } of [...files, ...known]) for (const { tree } of names) ids.add(tree.id)
  return [...ids].sort()
}

/** Counts what {@link shareEqual} would do. Pure. */
export function foresee(groups: Iterable<EqualFiles>): Shared {
  const shared = nothingShared()
  for (const group of groups) settle(choose(group), { shared, failed: new Set() })
  return shared
}

/** Gives those that stay their names in the store. @returns the choices that others can be linked to */
async function adoptAll(
  relinker: Relinker,
  choices: readonly Choice[],
  { checkObject, shared }: { checkObject: CheckObject; shared: Shared },
): Promise<readonly Choice[]> {
  const wanted = choices.flatMap((choice) => adoption(choice).map((item) => ({ choice, item })))
  const results = await relinker.run(wanted.map(({ item }) => item))
  const ready = choices.filter(({ adopt }) => adopt === undefined)
  for (const [i, { choice, item }] of wanted.entries()) {
    const result = results[i] ?? 0
    if (result === 0) ready.push(choice)
    else if (result === errno.EEXIST) {
      const ino = await checkObject(choice)
      const again = ino === undefined ? (await relinker.run([item]))[0] ?? 0 : 0
      if (again !== 0) shared.failures.push({ item, errno: again })
      else ready.push(ino === undefined ? choice : givingAll(choice, ino))
    } else shared.failures.push({ item, errno: result })
  }
  for (const choice of ready) {
    shared.objects.push({ choice, object: choice.object, ino: choice.stays.ino })
  }
  return ready
}

/** The same choice, when the one that should have stayed gives way to an object that was there. */
function givingAll(choice: Choice, ino: number): Choice {
  const { equal, stays } = choice
  const own = [
    ...equal.files.map((file) => ({ file, names: file.names, object: undefined })),
    ...equal.known.map(({ row, names, cached }) => ({
      file: { ...row, nlink: names.length, cached },
      names,
      object: undefined,
    })),
  ]
  return { ...choice, stays: { ...stays, ino }, adopt: undefined, give: own }
}

/** Links all others; where an inode has as many names as it can, the next one becomes an object. */
async function linkAll(
  relinker: Relinker,
  choices: readonly Choice[],
  { checkObject, shared }: { checkObject: CheckObject; shared: Shared },
): Promise<void> {
  let todo: readonly { readonly choice: Choice; readonly items: readonly Relink[] }[] = choices.map(
    (choice) => ({ choice, items: links(choice) }),
  )
  const failed = new Set<Relink['name']>()
  for (let variant = 0; todo.length > 0 && variant < VARIANTS; variant++) {
    const flat = todo.flatMap(({ choice, items }) => items.map((item) => ({ choice, item })))
    const results = await relinker.run(flat.map(({ item }) => item))
    const full = new Map<Choice, Relink[]>()
    for (const [i, { choice, item }] of flat.entries()) {
      const result = results[i] ?? 0
      if (result === 0) shared.links++
      else if (result === errno.EMLINK) {
        const late = full.get(choice)
        if (late === undefined) full.set(choice, [item])
        else late.push(item)
      } else {
        failed.add(item.name)
        shared.failures.push({ item, errno: result })
      }
    }
    todo = await startOthers(relinker, full, { checkObject, shared, failed })
  }
  for (const choice of choices) settle(choice, { shared, failed })
}

/** For each object that is full, another inode. @returns what is to be linked to those */
async function startOthers(
  relinker: Relinker,
  full: ReadonlyMap<Choice, readonly Relink[]>,
  { checkObject, shared, failed }: {
    checkObject: CheckObject
    shared: Shared
    failed: Set<Relink['name']>
  },
): Promise<readonly { readonly choice: Choice; readonly items: readonly Relink[] }[]> {
  const next: { choice: Choice; items: readonly Relink[] }[] = []
  for (const [choice, [first, ...rest]] of full) {
    if (first === undefined) continue
    const object = variantName(first.object, variantOf(first.object) + 1)
    const adopt: Relink = { ...first, action: 'ADOPT', object, objectIno: 0 }
    let [result = 0] = await relinker.run([adopt])
    if (result === errno.EEXIST) {
      // A run that died has made it.
      const ino = await checkObject({ ...choice, object })
      if (ino !== undefined) {
        const items = [first, ...rest].map((item) => ({ ...item, object, objectIno: ino }))
        next.push({ choice, items })
        continue
      }
      result = (await relinker.run([adopt]))[0] ?? 0
    }
    failed.add(first.name)
    if (result !== 0) {
      shared.failures.push({ item: adopt, errno: result })
      continue
    }
    const { ino } = first.file
    shared.objects.push({ choice, object, ino })
    const items = rest.map((item) => ({ ...item, object, objectIno: ino }))
    next.push({ choice, items: items.filter(({ file }) => file.ino !== ino) })
  }
  return next
}

/** Counts what gave way with all its names. */
function settle(
  { give, equal }: Choice,
  { shared, failed }: { shared: Shared; failed: ReadonlySet<Relink['name']> },
): void {
  let saving: Saving | undefined
  for (const { file, names, object } of give) {
    const known = names.length + (object === undefined ? 0 : 1)
    if (names.length === 0 || known < file.nlink) continue
    if (names.some((name) => failed.has(name))) continue
    if (object !== undefined) shared.garbage = true
    shared.gone.add(file.ino)
    saving ??= savingOf(shared, treesOf(equal))
    saving.bytes += file.blocks * 512
    saving.inodes++
    saving.cached += file.cached * PAGE_BYTES
  }
}
