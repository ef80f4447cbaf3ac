/**
 * Which packages are installed, and in which order. Pure.
 *
 * It is what apt does for a new system without recommended packages: every group of alternatives is
 * satisfied by what is chosen already, else by the first alternative that can be had. Of several
 * providers of a virtual package the one of highest priority is taken, then the first by name.
 *
 * @module
 * @see Debian Policy 7
 */
import { sourceFailure } from './failure.ts'
import type { PackageIndex } from './index-file.ts'
import type { IndexPackage } from './package.ts'
import { type Group, type Relation, showGroup, showRelation } from './relation.ts'
import { compareVersions, satisfies } from './version.ts'

export interface Wish {
  readonly source: string
  /** Indices, in the order of preference for equal versions. */
  readonly indices: readonly PackageIndex[]
  /** Names beside Essential and required ones. */
  readonly names: readonly string[]
}

/** In the order in which they are unpacked and configured: what is needed comes first, cycles aside. */
export interface Resolution {
  /** Essential packages and all that they need. */
  readonly essential: readonly IndexPackage[]
  readonly others: readonly IndexPackage[]
}

/** usr-is-merged is the empty one of the two: our trees are merged from the start. */
const preferred: readonly string[] = ['usr-is-merged']

const priorities: readonly string[] = ['required', 'important', 'standard', 'optional', 'extra']

/** @throws {VServerError} E_SOURCE naming the package that cannot be had, and who wants it */
export function resolve({ source, indices, names }: Wish): Resolution {
  const chosen = new Map<string, IndexPackage>()
  const candidates = new Map<string, IndexPackage | undefined>()

  const candidate = (name: string): IndexPackage | undefined => {
    if (!candidates.has(name)) {
      const all = indices.flatMap((index) => index.named(name))
      candidates.set(
        name,
        all.reduce<IndexPackage | undefined>(
          (best, one) =>
            best === undefined || compareVersions(one.version, best.version) > 0 ? one : best,
          undefined,
        ),
      )
    }
    return candidates.get(name)
  }

  /** Packages that satisfy a relation, best first. */
  const satisfiers = (relation: Relation): readonly IndexPackage[] => {
    const real = candidate(relation.name)
    const found = real !== undefined && fits(real, relation) ? [real] : []
    const providers = indices.flatMap((index) => index.providing(relation.name))
      .filter((one) => candidate(one.name) === one && fits(one, relation) && one !== real)
      .toSorted((a, b) =>
        priorities.indexOf(a.priority) - priorities.indexOf(b.priority) ||
        (a.name < b.name ? -1 : 1)
      )
    return [...found, ...providers]
  }

  const satisfier = (group: Group): IndexPackage | undefined => {
    const all = group.flatMap(satisfiers)
    return all.find((one) => chosen.get(one.name) === one) ??
      all.find(({ name }) => preferred.includes(name)) ?? all[0]
  }

  const choose = (root: IndexPackage) => {
    const pending = [root]
    for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
      if (chosen.has(one.name)) continue
      chosen.set(one.name, one)
      const needed: IndexPackage[] = []
      for (const group of [...one.preDepends, ...one.depends]) {
        const found = satisfier(group)
        if (found === undefined) {
          throw sourceFailure(source, `it needs ${showGroup(group)}, which no index has`, {
            package: one.name,
            hint: 'use another mirror, or leave the package out of include',
          })
        }
        needed.push(found)
      }
      pending.push(...needed.toReversed())
    }
  }

  const roots = new Set(
    indices.flatMap((index) => index.base).map(({ name }) => name)
      .filter((name) => {
        const one = candidate(name)
        return one?.essential === true || one?.priority === 'required'
      })
      .toSorted(),
  )
  for (const name of [...roots, ...names]) {
    const relation = { name }
    const found = satisfiers(relation).find((one) => chosen.get(one.name) === one) ??
      satisfiers(relation)[0]
    if (found === undefined) {
      throw sourceFailure(source, 'no index has it', {
        package: name,
        hint: 'check its name with include, or use another mirror',
      })
    }
    choose(found)
  }
  checkConflicts(source, [...chosen.values()])
  return order(chosen, satisfier)
}

/** Whether a package satisfies a relation, by itself or by what it provides. */
export function fits(one: IndexPackage, relation: Relation): boolean {
  const { name, operator, version } = relation
  const good = (has: string | undefined) =>
    operator === undefined || version === undefined ||
    (has !== undefined && satisfies(has, operator, version))
  if (one.name === name && good(one.version)) return true
  return one.provides.some((provided) => provided.name === name && good(provided.version))
}

/** @throws {VServerError} E_SOURCE naming two packages that exclude each other */
function checkConflicts(source: string, all: readonly IndexPackage[]): void {
  const offered = new Map<string, IndexPackage[]>()
  for (const one of all) {
    for (const name of [one.name, ...one.provides.map((provided) => provided.name)]) {
      offered.set(name, [...(offered.get(name) ?? []), one])
    }
  }
  for (const one of all) {
    for (const relation of [...one.conflicts, ...one.breaks].flat()) {
      const other = offered.get(relation.name)?.find((two) =>
        two.name !== one.name && fits(two, relation)
      )
      if (other !== undefined) {
        throw sourceFailure(
          source,
          `it excludes ${
            showRelation(relation)
          }, and "${other.name}" ${other.version} is wanted too`,
          { package: one.name, hint: 'leave one of the two out of include' },
        )
      }
    }
  }
}

/** Names that base everything else: their scripts make the users and files that others expect. */
const first: readonly string[] = ['base-passwd', 'base-files']

function order(
  chosen: ReadonlyMap<string, IndexPackage>,
  satisfier: (group: Group) => IndexPackage | undefined,
): Resolution {
  const done = new Set<string>()
  const needs = (one: IndexPackage) =>
    [...one.preDepends, ...one.depends].flatMap((group) => satisfier(group) ?? [])
  /** Depth first, without recursion: chains of dependencies are as long as somebody makes them. */
  const visit = (root: IndexPackage, into: IndexPackage[]) => {
    const stack = [{ one: root, left: needs(root).values() }]
    if (done.has(root.name)) return
    done.add(root.name)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.left.next()
      if (next.done === true) {
        into.push(top.one)
        stack.pop()
      } else if (!done.has(next.value.name)) {
        done.add(next.value.name)
        stack.push({ one: next.value, left: needs(next.value).values() })
      }
    }
  }
  const all = [...chosen.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const rank = (one: IndexPackage) =>
    (first.indexOf(one.name) + first.length + 1) % (first.length + 1)
  const essential: IndexPackage[] = []
  const essentials = all.filter((one) => one.essential).toSorted((a, b) => rank(a) - rank(b))
  for (const one of essentials) visit(one, essential)
  const others: IndexPackage[] = []
  for (const one of all) visit(one, others)
  return { essential, others }
}
