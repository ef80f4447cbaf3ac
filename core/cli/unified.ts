/**
 * What a unification tells: for people, and as JSON. Pure.
 *
 * @module
 */
import type { GuestTrees } from '../guest/unify.ts'
import { errnoName } from '../linux/errno.ts'
import { partOf } from '../usage/account.ts'
import { pathOf } from '../unify/tree.ts'
import type { UnifyResult } from '../unify/run.ts'
import type { Saving } from '../unify/share.ts'
import type { Verified } from '../unify/verify.ts'
import { showName } from '../host/tree/names.ts'

/** What was done on all file systems. */
export interface Unified
  extends Pick<UnifyResult, 'trees' | 'names' | 'links' | 'failures'>, Pick<GuestTrees, 'users'> {
  readonly saved: readonly Saving[]
}

interface Context {
  readonly dryRun: boolean
}

interface GuestSaving {
  readonly name: string
  readonly bytes: number
  readonly inodes: number
}

/**
 * What was saved for each guest: of every group of equal files, the guests that read one of them have equal
 * parts. Who only has what is in the store already gains nothing by a run.
 */
function savingsOf({ saved, users }: Unified): readonly GuestSaving[] {
  const shares = new Map<string, { names: readonly string[]; bytes: number; inodes: number }>()
  for (const { trees, bytes, inodes } of saved) {
    const names = [...new Set(trees.flatMap((tree) => users.get(tree) ?? []))].toSorted()
    const key = names.join()
    const sum = shares.get(key) ?? { names, bytes: 0, inodes: 0 }
    shares.set(key, { names, bytes: sum.bytes + bytes, inodes: sum.inodes + inodes })
  }
  const guests = new Map<string, { bytes: number; inodes: number }>()
  for (const { names, bytes, inodes } of shares.values()) {
    for (const [index, name] of names.entries()) {
      const sum = guests.get(name) ?? { bytes: 0, inodes: 0 }
      guests.set(name, {
        bytes: sum.bytes + partOf(bytes, names.length, index),
        inodes: sum.inodes + partOf(inodes, names.length, index),
      })
    }
  }
  return [...guests].map(([name, { bytes, inodes }]) => ({ name, bytes, inodes }))
    .toSorted((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1))
}

function totalOf({ saved }: Unified): Omit<Saving, 'trees'> {
  return {
    bytes: saved.reduce((sum, { bytes }) => sum + bytes, 0),
    inodes: saved.reduce((sum, { inodes }) => sum + inodes, 0),
    cached: saved.reduce((sum, { cached }) => sum + cached, 0),
  }
}

/** One JSON value. */
export function unifiedJson(result: Unified, { dryRun }: Context): string {
  const value = {
    dryRun,
    trees: result.trees,
    files: result.names,
    linked: result.links,
    saved: totalOf(result),
    guests: savingsOf(result),
    failures: result.failures.map(({ item, errno }) => ({
      path: showName(pathOf(item.name)),
      errno: errnoName(errno),
    })),
  }
  return `${JSON.stringify(value)}\n`
}

/** A summary, and a line for each guest that saves something. */
export function showUnified(result: Unified, { dryRun }: Context): string {
  const { bytes, inodes, cached } = totalOf(result)
  const looked = `${count(result.names)} files in ${count(result.trees)} new or writable trees`
  const verb = dryRun ? 'would save' : 'saved'
  const memory = cached === 0 ? '' : `, and ${mebibytes(cached)} of memory`
  const lines = [
    inodes === 0
      ? `looked at ${looked}: nothing to share`
      : `looked at ${looked}: ${verb} ${mebibytes(bytes)} and ${count(inodes)} inodes${memory}`,
    ...savingsOf(result).map(({ name, bytes, inodes }) =>
      `  ${name}: ${mebibytes(bytes)}, ${count(inodes)} inodes`
    ),
    ...result.failures.slice(0, 5).map(({ item, errno }) =>
      `  left alone: "${showName(pathOf(item.name))}" (${errnoName(errno)})`
    ),
  ]
  const more = result.failures.length - 5
  if (more > 0) lines.push(`  left alone: ${count(more)} more`)
  return `${lines.join('\n')}\n`
}

/** One JSON value. */
export function verifiedJson({ objects, bytes, damaged }: Verified): string {
  const value = {
    objects,
    bytes,
    damaged: damaged.map(({ object, file, repaired }) => ({
      object,
      repaired,
      paths: file.names.map((name) => showName(pathOf(name))),
    })),
  }
  return `${JSON.stringify(value)}\n`
}

/** A summary, and the paths of what is damaged. */
export function showVerified({ objects, bytes, damaged }: Verified): string {
  const lines = [
    `read ${count(objects)} shared files, ${mebibytes(bytes)}: ` +
    (damaged.length === 0 ? 'all are intact' : `${count(damaged.length)} are damaged`),
    ...damaged.flatMap(({ file, repaired }) =>
      file.names.map((name) =>
        `  ${repaired ? 'repaired' : 'damaged'}: "${showName(pathOf(name))}"`
      )
    ),
  ]
  if (damaged.some(({ repaired }) => !repaired)) {
    lines.push('  install these files again in their guests, or restore them from a backup')
  }
  return `${lines.join('\n')}\n`
}

/** Bytes for people. */
export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
const count = (value: number) => value.toLocaleString('en-US')
