/**
 * Every error that vserver tells a person about, one code each. Messages follow
 * `Cannot <verb> "<thing>": <detail>`; a hint, where there is one, is what to do next.
 *
 * @module
 */

/** What a code means, and the exit code that a command ends with. Sorted by code. */
export const errorTable = {
  E_ARCHIVE: [1, 'an archive is damaged, or holds an entry that would leave its tree'],
  E_BUSY: [5, 'another command holds the lock; the message names its pid and verb'],
  E_COMMAND: [127, 'a command cannot be run in the guest (126: found, but not executable)'],
  E_CONFIG_KEY: [2, 'a configuration holds a key that does not exist'],
  E_CONFIG_RANGE: [2, 'a configuration value has the wrong type, unit or range'],
  E_CONFIG_SYNTAX: [2, 'a configuration is not YAML'],
  E_CYCLE: [2, 'guests wait for each other through `after`'],
  E_DAMAGED: [1, 'the file of vserver itself is incomplete, or carries no runtime'],
  E_DISK_FULL: [1, 'the file system of the state directory is full, or a quota is used up'],
  E_EXECUTOR: [1, 'the executor cannot be run, or does not answer as it should'],
  E_EXISTS: [1, 'a guest or a snapshot of this name exists already'],
  E_FORMAT: [1, 'the state directory was written by a newer vserver'],
  E_FREEZE: [1, 'a running guest could not be held still while it was copied'],
  E_GUEST_UNKNOWN: [4, 'there is no guest of this name'],
  E_HOST: [1, 'this host lacks something that is needed'],
  E_ID_EXHAUSTED: [1, 'no range of user ids is left'],
  E_INTERRUPTED: [130, 'the command was interrupted, and has cleaned up'],
  E_IN_USE: [1, 'something on the host still uses the files of a guest that is stopped'],
  E_LAYERS: [1, 'a guest has as many layers as can be mounted, and they cannot be merged'],
  E_NAME: [2, 'a name is not usable for a guest'],
  E_NOT_RUNNING: [3, 'the guest is not running'],
  E_NO_INIT: [1, 'the guest has no init to start'],
  E_OP: [1, 'a system call failed; the message says which and why'],
  E_PLAN: [1, 'the executor refused a plan, or a kept plan is damaged'],
  E_PLUGIN: [1, 'a plugin is broken, or contradicts another'],
  E_ROOT: [6, 'the command needs root'],
  E_ROOTFS: [1, 'a tree cannot be a root file system'],
  E_RUNNING: [1, 'the guest is running, and must not be for this'],
  E_SNAPSHOT: [1, 'a guest has no snapshot of this name'],
  E_SOURCE: [1, 'the source given with --from cannot be used'],
  E_START: [1, 'the guest could not be started'],
  E_STATE_DIR: [
    1,
    'a state directory or file is missing, unsafe, damaged, read-only or not executable',
  ],
  E_USAGE: [2, 'the command line was not understood'],
} as const satisfies Readonly<Record<string, readonly [exitCode: number, meaning: string]>>

export type ErrorCode = keyof typeof errorTable

export type ErrorDetails = Readonly<Record<string, unknown>>

export interface ErrorInfo {
  /** What to do next: one line, lower case, no full stop. */
  readonly hint?: string | undefined
  /** For programs: goes into `--json` as it is. */
  readonly details?: ErrorDetails | undefined
  readonly cause?: unknown
}

export class VServerError extends Error {
  override readonly name = 'VServerError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: ErrorDetails | undefined

  constructor(code: ErrorCode, message: string, info: ErrorInfo = {}) {
    super(message, info.cause === undefined ? undefined : { cause: info.cause })
    this.code = code
    this.hint = info.hint
    this.details = info.details
  }

  /** Exit code of a command that ends with this error. */
  get exitCode(): number {
    return errorTable[this.code][0]
  }
}

export type ErrorFactory = (message: string, info?: ErrorInfo) => VServerError

const factory = (code: ErrorCode): ErrorFactory => (message, info) =>
  new VServerError(code, message, info)

/** One factory for each code: `throw errors.E_NAME('Cannot create "..": …', { hint })`. Sorted. */
export const errors = {
  E_ARCHIVE: factory('E_ARCHIVE'),
  E_BUSY: factory('E_BUSY'),
  E_COMMAND: factory('E_COMMAND'),
  E_CONFIG_KEY: factory('E_CONFIG_KEY'),
  E_CONFIG_RANGE: factory('E_CONFIG_RANGE'),
  E_CONFIG_SYNTAX: factory('E_CONFIG_SYNTAX'),
  E_CYCLE: factory('E_CYCLE'),
  E_DAMAGED: factory('E_DAMAGED'),
  E_DISK_FULL: factory('E_DISK_FULL'),
  E_EXECUTOR: factory('E_EXECUTOR'),
  E_EXISTS: factory('E_EXISTS'),
  E_FORMAT: factory('E_FORMAT'),
  E_FREEZE: factory('E_FREEZE'),
  E_GUEST_UNKNOWN: factory('E_GUEST_UNKNOWN'),
  E_HOST: factory('E_HOST'),
  E_ID_EXHAUSTED: factory('E_ID_EXHAUSTED'),
  E_INTERRUPTED: factory('E_INTERRUPTED'),
  E_IN_USE: factory('E_IN_USE'),
  E_LAYERS: factory('E_LAYERS'),
  E_NAME: factory('E_NAME'),
  E_NOT_RUNNING: factory('E_NOT_RUNNING'),
  E_NO_INIT: factory('E_NO_INIT'),
  E_OP: factory('E_OP'),
  E_PLAN: factory('E_PLAN'),
  E_PLUGIN: factory('E_PLUGIN'),
  E_ROOT: factory('E_ROOT'),
  E_ROOTFS: factory('E_ROOTFS'),
  E_RUNNING: factory('E_RUNNING'),
  E_SNAPSHOT: factory('E_SNAPSHOT'),
  E_SOURCE: factory('E_SOURCE'),
  E_START: factory('E_START'),
  E_STATE_DIR: factory('E_STATE_DIR'),
  E_USAGE: factory('E_USAGE'),
} as const satisfies Readonly<Record<ErrorCode, ErrorFactory>>

/** The one error that native verbs and the appliance must word alike: an unknown guest. */
export function guestUnknown(verb: string, name: string): VServerError {
  return errors.E_GUEST_UNKNOWN(`Cannot ${verb} "${name}": there is no such guest`, {
    hint: `vserver list shows the guests; vserver create ${name} --from SOURCE makes one`,
  })
}

/** The guest must run for this verb (`exec in`, `enter`, `attach to`), and does not. */
export function notRunning(verb: string, name: string): VServerError {
  return errors.E_NOT_RUNNING(`Cannot ${verb} "${name}": it is not running`, {
    hint: `vserver start ${name} starts it`,
  })
}

/** A supervisor runs, but the record of the guest, which says who is who, is damaged. */
export function unclear(verb: string, name: string, path: string): VServerError {
  return errors.E_STATE_DIR(
    `Cannot ${verb} "${name}": its record "${path}" is damaged, but its supervisor runs`,
    {
      hint:
        `vserver stop ${name} stops it, vserver kill ${name} ends it at once; a start makes the record anew`,
      details: { path },
    },
  )
}

/** Another command holds the guest's lock. */
export function busy(
  verb: string,
  name: string,
  holder: { pid: number; verb: string },
): VServerError {
  return errors.E_BUSY(
    `Cannot ${verb} "${name}": it is locked by pid ${holder.pid} (vserver ${holder.verb})`,
    { hint: 'try again when that command is done, or wait longer with --lock-timeout' },
  )
}

/** The verb needs root. */
export function needsRoot(verb: string, name?: string): VServerError {
  const what = name === undefined ? verb : `${verb} "${name}"`
  return errors.E_ROOT(`Cannot ${what}: this needs root`, { hint: 'run it with sudo' })
}

/** The table of the README, between `<!-- errors -->` and `<!-- /errors -->`. Pure. */
export function renderErrorTable(): string {
  const rows = Object.entries(errorTable).map(([code, [exitCode, meaning]]) =>
    `| \`${code}\` | ${exitCode} | ${meaning} |`
  )
  return ['| code | exit | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}
