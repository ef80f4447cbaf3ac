/**
 * The state record of a running guest: what its supervisor says of it.
 *
 * @module
 */
import { layout, magic, PLAN_VERSION, state as stateWord } from '../plan/abi.ts'
import { sizeOf } from '../plan/layout.ts'
import { readFields } from './layout.ts'

export interface StateRecord {
  readonly state: 'starting' | 'running' | 'stopping'
  /** Boot id, 16 bytes in hex. */
  readonly boot: string
  /** Build of the supervisor, 32 bytes in hex. */
  readonly build: string
  readonly supervisor: ProcessIdentity
  /** pid 0 until there is one. */
  readonly init: ProcessIdentity
  /** Since 1970; 0 until init runs. */
  readonly startedAtNs: bigint
  /** On CLOCK_BOOTTIME. */
  readonly startedBootNs: bigint
  readonly restarts: number
  readonly ready: boolean
}

/** A process, told apart from a later one of the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Inode of its pidfd; 0 before Linux 6.9. */
  readonly ino: bigint
  /** Start time in clock ticks since boot. */
  readonly start: bigint
}

/** Bytes of the record. */
export const stateBytes = sizeOf(layout.state)

/**
 * Decodes a state record. Pure.
 *
 * @returns `undefined` when the bytes are not a whole record: of another version, or read while the
 * supervisor wrote (read again)
 */
export function decodeState(bytes: Uint8Array): StateRecord | undefined {
  if (bytes.length < stateBytes) return undefined
  const fields = readFields(layout.state, { bytes, offset: 0 })
  if (fields.number('magic') !== magic.STATE) return undefined
  if (fields.number('version') !== PLAN_VERSION) return undefined
  if (fields.number('seq') !== fields.number('seq_end')) return undefined
  const state = word(fields.number('state'))
  if (state === undefined) return undefined
  return {
    state,
    boot: Buffer.from(fields.bytes('boot')).toString('hex'),
    build: Buffer.from(fields.bytes('build')).toString('hex'),
    supervisor: {
      pid: fields.number('supervisor_pid'),
      ino: fields.big('supervisor_ino'),
      start: fields.big('supervisor_start'),
    },
    init: {
      pid: fields.number('init_pid'),
      ino: fields.big('init_ino'),
      start: fields.big('init_start'),
    },
    startedAtNs: fields.big('started_at_ns'),
    startedBootNs: fields.big('started_boot_ns'),
    restarts: fields.number('restarts'),
    ready: fields.number('ready') !== 0,
  }
}

function word(number: number): StateRecord['state'] | undefined {
  switch (number) {
    case stateWord.STARTING:
      return 'starting'
    case stateWord.RUNNING:
      return 'running'
    case stateWord.STOPPING:
      return 'stopping'
    default:
      return undefined
  }
}
