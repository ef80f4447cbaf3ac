/**
 * What a create may leave behind by mistake: processes, mounts, cgroups.
 *
 * @module
 */
import { globSync, readdirSync, readFileSync } from 'node:fs'

export interface Snapshot {
  readonly processes: ReadonlySet<string>
  readonly mounts: ReadonlySet<string>
  readonly cgroups: ReadonlySet<string>
}

/** First of the ids that commands in trees get, by default: the last range of all. */
const TREE_IDS = 2_000_000_000 + 2242 * 65_536

/** Processes that run with these ids: other tests have guests of their own. */
function guestProcesses(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      return Number(uid ?? 0) >= TREE_IDS
    } catch (error) {
      if (error instanceof Error && 'code' in error) return false
      throw error
    }
  })
}

export function snapshot(): Snapshot {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return {
    processes: new Set(guestProcesses()),
    mounts: new Set(lines.filter((line) => line.includes('.new-debian-'))),
    cgroups: new Set(globSync('/sys/fs/cgroup/{*/,}vserver-*/_tree-*')),
  }
}

/** What is there now and was not before. */
export function leaks(before: Snapshot, { cgroups = true } = {}): readonly string[] {
  const now = snapshot()
  const fresh = (kind: keyof Snapshot) =>
    [...now[kind]].filter((one) => !before[kind].has(one)).map((one) => `${kind}: ${one}`)
  return [
    ...fresh('processes'),
    ...fresh('mounts'),
    ...(cgroups ? fresh('cgroups') : []),
  ]
}
