/**
 * Whether a guest runs.
 *
 * @module
 */
import { join } from 'node:path'
import { bootId, processStart, processUser, processWords } from '../host/process.ts'
import { type Root, runDir } from '../host/root.ts'
import { readBytes } from './files.ts'
import { decodeState, type ProcessIdentity, type StateRecord } from './state.ts'

/** What is known of a guest's life. `stale`: its supervisor died, and nobody has cleaned up yet. */
export type Life =
  | { readonly kind: 'none' }
  | { readonly kind: 'alive'; readonly record: StateRecord }
  | { readonly kind: 'stale' }

/** Looks at the state record, and whether the supervisor that wrote it lives. */
export function readLife(root: Root, name: string): Life {
  const path = join(runDir(root, name), 'state')
  for (let attempt = 0; attempt < 100; attempt++) {
    const bytes = readBytes(path)
    if (bytes === undefined) return { kind: 'none' }
    const record = decodeState(bytes)
    if (record === undefined) continue
    const alive = record.boot === bootId() && isSupervisor(record.supervisor, { root, name })
    return alive ? { kind: 'alive', record } : { kind: 'stale' }
  }
  // Nobody writes for so long: it is damaged, or of another version.
  return { kind: 'stale' }
}

/**
 * Whether a process is this guest's supervisor. Where the kernel tells processes apart by the inode of
 * their pidfds, the record holds no start time, and Node sees no pidfd: the words that it was started
 * with do instead, which name the guest. Only root could pretend, and nothing is sent to a pid from here.
 */
function isSupervisor(
  { pid, start }: ProcessIdentity,
  { root, name }: { root: Root; name: string },
): boolean {
  const now = processStart(pid)
  if (now === undefined) return false
  if (start !== 0n) return now === start
  const words = processWords(pid) ?? []
  return words[1] === '@supervise' && words[2] === runDir(root, name) && processUser(pid) === 0
}
