/**
 * Makes equal files one, and keeps count of what that saves.
 *
 * @module
 */
import { errno } from '../linux/errno.ts'
import { adoption, type Choice, choose, links } from './choose.ts'
import type { Equal } from './match.ts'
import { variantName, variantOf } from './meta_key.ts'
import type { Relink, Relinker } from './relink.ts'

export interface Saving {
  /** Bytes that are not taken any more. */
  bytes: number
  inodes: number
}

export interface Failure {
  readonly item: Relink
  readonly errno: number
}

export interface Shared {
  /** By the id of the tree that the names are in. */
  readonly saved: Map<string, Saving>
  /** What was saved by each group, where anything was. */
  readonly groups: (Saving & { readonly equal: Equal })[]
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

/** As many inodes as an object may need in a run. */
const VARIANTS = 1000

/**
 * Makes each group of equal files one inode.
 *
 * @param checkObject whether what the store has under a name is what the name says; when it is not, it is
 * put away. Asked when an object is there that the index does not know.
 */
export async function shareEqual(
  relinker: Relinker,
  groups: readonly Equal[],
  checkObject: CheckObject,
): Promise<Shared> {
  const shared = nothingShared()
  const choices = await adoptAll(relinker, groups.map(choose), { checkObject, shared })
  await linkAll(relinker, choices, { checkObject, shared })
  return shared
}

function nothingShared(): Shared {
  const [saved, gone] = [new Map<string, Saving>(), new Set<number>()]
  return { saved, groups: [], links: 0, objects: [], gone, failures: [], garbage: false }
}

/** Counts what {@link shareEqual} would do. Pure. */
export function foresee(groups: readonly Equal[]): Shared {
  const shared = nothingShared()
  for (const choice of groups.map(choose)) settle(choice, { shared, failed: new Set() })
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
    ...equal.known.map(({ row, names }) => ({
      file: { ...row, nlink: names.length },
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
      else if (result === errno.EMLINK) full.set(choice, [...full.get(choice) ?? [], item])
      else {
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
  const group = { equal, bytes: 0, inodes: 0 }
  for (const { file, names, object } of give) {
    const [first] = names
    const known = names.length + (object === undefined ? 0 : 1)
    if (first === undefined || known < file.nlink) continue
    if (names.some((name) => failed.has(name))) continue
    if (object !== undefined) shared.garbage = true
    shared.gone.add(file.ino)
    const { id } = first.tree
    const saving = shared.saved.get(id) ?? { bytes: 0, inodes: 0 }
    saving.bytes += file.blocks * 512
    saving.inodes++
    shared.saved.set(id, saving)
    group.bytes += file.blocks * 512
    group.inodes++
  }
  if (group.inodes > 0) shared.groups.push(group)
}
