/**
 * Whether a guest runs.
 *
 * @module
 */
import { join } from 'node:path'
import { bootId, processIds, processStart, processUser, processWords } from '../host/process.ts'
import { type Root, runDir } from '../host/root.ts'
import { readOwn } from './files.ts'
import { decodeState, type ProcessIdentity, type StateRecord } from './state.ts'

/**
 * What is known of a guest's life. `stale`: its supervisor died, and nobody has cleaned up yet. `unclear`: a
 * supervisor runs, but the record is damaged; nothing may be cleaned up.
 */
export type Life =
  | { readonly kind: 'none' }
  | { readonly kind: 'alive'; readonly record: StateRecord }
  | { readonly kind: 'stale' }
  | { readonly kind: 'unclear' }

/** Where the state record of a guest is. */
export function statePath(root: Root, name: string): string {
  return join(runDir(root, name), 'state')
}

/** Looks at the state record, and whether the supervisor that wrote it lives. */
export function readLife(root: Root, name: string): Life {
  const first = readRecord(root, name)
  if (first.kind !== 'stale' || !hasSupervisor(root, name)) return first
  // Somebody may just have cleaned up, and started it again.
  const second = readRecord(root, name)
  return second.kind === 'stale' ? { kind: 'unclear' } : second
}

function readRecord(root: Root, name: string): Life {
  for (let attempt = 0; attempt < 100; attempt++) {
    const read = readOwn(statePath(root, name))
    if (read.kind === 'absent') return { kind: 'none' }
    const record = read.kind === 'read' ? decodeState(read.bytes) : undefined
    if (record === undefined) continue
    const alive = record.boot === bootId() && isSupervisor(record.supervisor, { root, name })
    return alive ? { kind: 'alive', record } : { kind: 'stale' }
  }
  // Nobody writes for so long: it is damaged, or of another version.
  return { kind: 'stale' }
}

/** Whether any process supervises the guest, whatever its record says. */
function hasSupervisor(root: Root, name: string): boolean {
  return processIds().some((pid) => supervises(pid, { root, name }))
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
  return supervises(pid, { root, name })
}

function supervises(pid: number, { root, name }: { root: Root; name: string }): boolean {
  const words = processWords(pid) ?? []
  return words[1] === '@supervise' && words[2] === runDir(root, name) && processUser(pid) === 0
}
