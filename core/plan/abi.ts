/**
 * The binary interface between the planner and the executor: every number and every layout that both
 * sides must agree on. `build/abi.ts` generates `core/executor/abi.h` from this file, and a test fails
 * when the two differ. All integers are little-endian. Pure data.
 *
 * A plan is `header, programs[], ops[], data`, in that order, without padding between them, and its
 * size is exactly what the header says.
 *
 * @module
 */
import { unifyLayout } from './abi_unify.ts'

export { compare, compared, relink } from './abi_unify.ts'

/** Version of the plan format; the executor refuses every other one. */
export const PLAN_VERSION = 1

/** File magics, as little-endian 32-bit words. */
export const magic = {
  PLAN: 0x4c505356, // "VSPL"
  KEPT: 0x464b5356, // "VSKF"
  STATE: 0x54535356, // "VSST"
  FRAME: 0x52465356, // "VSFR"
} as const

/** Upper bounds that the verifier enforces. */
export const limit = {
  SLOTS: 64,
  GATES: 16,
  PROGRAMS: 8,
  OPS: 65536,
  PLAN_BYTES: 1 << 26,
  KEPT_BYTES: 1 << 22,
  INPUTS: 8192,
  NAME: 63,
} as const

/** Value of `op.out` that means: throw the result away. */
export const NO_SLOT = 0xff

/** What a program is for. A plan holds at most one program of each role. */
export const role = {
  /** Batch sessions: run by the executor for the appliance. */
  MAIN: 1,
  /** Start, in the process that becomes the supervisor. */
  HOST: 2,
  /** Start, in the process that becomes the guest's init. */
  GUEST: 3,
  /** A short-lived child that lends its namespaces to a system call. */
  HELPER: 4,
  /** Removes what HOST made; every op of it is idempotent. */
  TEARDOWN: 5,
  /** Exec, in the front door. */
  ENTER: 6,
  /** Exec, in the child that becomes the command. */
  COMMAND: 7,
  /** Exec, in a short-lived child of the supervisor: makes the forker. */
  FORK: 8,
  /** In the guest: goes through what COMMAND does, and then starts commands. */
  FORKER: 9,
} as const
export type Role = keyof typeof role

/**
 * Operations. Everything but SYSCALL exists because one system call cannot say it.
 *
 * | op      | arguments | result |
 * | SYSCALL | the call's six | its return value |
 * | PUT     | 0: DATA destination (its length, 1 to 8, is the width), 1: value | 0 |
 * | DECIMAL | 0: DATA destination, 1: value, written in decimal and padded with NUL up to the destination's end | 0 |
 * | CLONE   | 0: DATA clone_args (88 bytes), 1: IMM role of the program that the child runs | pid in the parent; the child never returns |
 * | OPEN    | 0: IMM gate: lets waiters of the gate pass, now and later | 0 |
 * | WAIT    | 0: IMM gate: waits for it; fails with ECANCELED when the other side failed or died | 0 |
 * | NETLINK | 0: socket, 1: DATA one or more requests, each with NLM_F_ACK | 0, or the first error that was acknowledged |
 * | CLOCK   | 0: DATA destination: writes timens_offsets text that makes both clocks start at 0 | length of the text |
 * | EXEC    | 0: TEXT search path, 1: argv, 2: envp: execve after a search as execvpe(3) does | does not return |
 * | REPORT  | 0: DATA source, 1: length (at most the source's): appends it to the reply | 0 |
 * | REAP    | 0: pid: waits for the child | its wait status |
 * | PRUNE   | 0: directory descriptor, 1: TEXT name: kills what still runs in that cgroup directory and removes it with all below it | 0 |
 * | SWEEP   | 0: directory descriptor, 1: TEXT name: removes a file or directory tree without following links or crossing mounts | 0 |
 * | LOAD    | 0: DATA source (its length, 1, 2, 4 or 8, is the width) | the unsigned value stored there |
 * | SERVE   | 0: socket, 1: DATA the base environment and the login command, each a list of NUL-terminated texts ended by an empty one, 2: TEXT search path: starts commands until nobody can ask for one any more | does not return |
 * | LIST    | 0: number directory descriptor, 1: TEXT path of a directory below it (`.`: itself): appends a `list_head` and a `list_entry` for each name to the reply | 0, also when the directory cannot be read: the head says so |
 * | RELINK  | 0: number directory descriptor, 1: TEXT path of a directory below it, 2: DATA a `relink_head` and its entries, 3: number descriptor of the store, 4: TEXT staging name in the store, which no other executor uses: makes files of the directory links to objects of the store, or objects of files; appends an errno (32 bits, 0: done) for each entry to the reply | 0 |
 * | COMPARE | 0: DATA groups, each a `compare_head` and its entries, 1: IMM flags of `compare`: tells which files of each group have the same bytes; appends a `compare_result` for each entry to the reply | 0 |
 */
export const op = {
  SYSCALL: 0,
  PUT: 1,
  DECIMAL: 2,
  CLONE: 3,
  OPEN: 4,
  WAIT: 5,
  NETLINK: 6,
  CLOCK: 7,
  EXEC: 8,
  REPORT: 9,
  REAP: 10,
  PRUNE: 11,
  SWEEP: 12,
  LOAD: 13,
  SERVE: 14,
  LIST: 15,
  RELINK: 16,
  COMPARE: 17,
} as const
export type OpName = keyof typeof op

/**
 * Kinds of arguments. DATA and TEXT hold the offset in the low and the length in the high 32 bits of
 * the argument; TEXT additionally ends in a NUL that its length includes, and holds no other.
 */
export const arg = { IMM: 0, SLOT: 1, DATA: 2, TEXT: 3 } as const

const number = ['IMM', 'SLOT'] as const
const any = ['IMM', 'SLOT', 'DATA', 'TEXT'] as const

/** The kinds that each argument of an op may have. Arguments that are not listed must be IMM 0. */
export const shape = {
  SYSCALL: [any, any, any, any, any, any],
  PUT: [['DATA'], any],
  DECIMAL: [['DATA'], number],
  CLONE: [['DATA'], ['IMM']],
  OPEN: [['IMM']],
  WAIT: [['IMM']],
  NETLINK: [number, ['DATA']],
  CLOCK: [['DATA']],
  EXEC: [['TEXT'], ['SLOT', 'DATA'], ['SLOT', 'DATA']],
  REPORT: [['DATA'], number],
  REAP: [number],
  PRUNE: [number, ['TEXT']],
  SWEEP: [number, ['TEXT']],
  LOAD: [['DATA']],
  SERVE: [number, ['DATA'], ['TEXT']],
  LIST: [number, ['TEXT']],
  RELINK: [number, ['TEXT'], ['DATA'], number, ['TEXT']],
  COMPARE: [['DATA'], ['IMM']],
} as const satisfies Readonly<Record<OpName, readonly (readonly (keyof typeof arg)[])[]>>

/**
 * Slots with a meaning that C knows. All others are the planner's. Slots are 64-bit, start as
 * `2 ** 64 - 1`, and are shared between the processes of one plan.
 */
export const slot = {
  /** ENTER in: pointer to the command's argv. */
  ARGV: 0,
  /** ENTER in: pointer to the command's envp. */
  ENVP: 1,
  /** ENTER in: pointer to the working directory. */
  CWD: 2,
  /** HOST out, ENTER in: pid of the guest's init. */
  INIT_PID: 3,
  /** HOST out, ENTER in: pidfd of the guest's init. */
  INIT_PIDFD: 4,
  /** HOST out: master side of the console's pty. */
  CONSOLE: 5,
  /** HOST out: the console's slave side, kept open so that the master never hangs up. */
  CONSOLE_PEER: 6,
  /** HOST out: datagram socket that NOTIFY_SOCKET names inside. */
  NOTIFY: 7,
  /** HOST out: root directory of the guest's devpts, from which exec gets its terminals. */
  DEVPTS: 8,
  /** ENTER out: pid of the command. */
  COMMAND_PID: 9,
  /** HOST in: descriptor of the directory /run/vserver/guests/NAME. */
  RUN_DIR: 10,
  /** FORK in: the socket on which the forker is asked for commands. */
  FORKER: 11,
  /** First slot that the planner may use as it likes. */
  FREE: 16,
} as const

/** Why the verifier refuses a plan. Each has at least one file in `test/reject/`. */
export const refusal = {
  TOO_SHORT: 1,
  MAGIC: 2,
  VERSION: 3,
  SIZE: 4,
  RESERVED: 5,
  PROGRAM_COUNT: 6,
  PROGRAM_RANGE: 7,
  PROGRAM_ROLE: 8,
  OP_COUNT: 9,
  OP_CODE: 10,
  ARG_KIND: 11,
  ARG_SHAPE: 12,
  SLOT: 13,
  DATA_RANGE: 14,
  TEXT: 15,
  OUT: 16,
  GATE: 17,
  CLONE_ROLE: 18,
  CLONE_FLAGS: 19,
  PHRASE: 20,
  WHOLE: 21,
  UNUSED: 22,
} as const
export type Refusal = keyof typeof refusal

/** State words of the state record. */
export const state = { STARTING: 1, RUNNING: 2, STOPPING: 3 } as const

/** Kinds of frames that the executor writes to the appliance or to a waiting front door. */
export const frame = {
  /** Batch: the plan ran; `slots` and the reported bytes follow. */
  DONE: 1,
  /** An op failed: program, op and errno say which and why. */
  FAILED: 2,
  /** The plan was refused: `error` is a refusal code. */
  REFUSED: 3,
  /** Supervisor: the guest's init has been exec'd. */
  STARTED: 4,
  /** Supervisor: the guest said READY=1. */
  READY: 5,
  /** Supervisor: init ended with wait status `status`, and teardown is done. */
  EXITED: 6,
} as const

/** Field types of layouts; `bytesN` is an array of N bytes, `u8xN`/`u16xN`/`u64xN` arrays of integers. */
export type FieldType =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'i64'
  | `bytes${number}`
  | `u8x${number}`
  | `u16x${number}`
  | `u64x${number}`

export type Layout = readonly (readonly [name: string, type: FieldType])[]

/** C structures, without padding: every field is naturally aligned by construction (a test checks). */
export const layout = {
  header: [
    ['magic', 'u32'],
    ['version', 'u32'],
    ['size', 'u32'],
    ['program_count', 'u32'],
    ['op_count', 'u32'],
    ['data_size', 'u32'],
    ['slot_count', 'u32'],
    ['reserved', 'u32'],
  ],
  program: [
    ['role', 'u32'],
    ['first', 'u32'],
    ['count', 'u32'],
    ['reserved', 'u32'],
  ],
  /**
   * `whole`: 0, or 1 + the index of the argument that the result must equal (a short write is an
   * error, EIO). `ignore`: errno values that count as success (the result is then 0). `phrase`:
   * offset in data of two NUL-terminated texts: a verb phrase (`attach tmpfs at "/mnt" for guest
   * "web"`) and the name of the system call. `step`: number of the step that the op came from.
   */
  op: [
    ['code', 'u16'],
    ['nr', 'u16'],
    ['out', 'u8'],
    ['whole', 'u8'],
    ['kinds', 'u8x6'],
    ['ignore', 'u16x2'],
    ['phrase', 'u32'],
    ['step', 'u32'],
    ['args', 'u64x6'],
  ],
  /**
   * A kept plan: header, inputs[], plan, text. Offsets count from the start of the file. `flags` are those of
   * `kept`.
   */
  kept: [
    ['magic', 'u32'],
    ['version', 'u32'],
    ['size', 'u32'],
    ['input_count', 'u32'],
    ['plan_offset', 'u32'],
    ['plan_size', 'u32'],
    ['text_offset', 'u32'],
    ['text_size', 'u32'],
    ['stop_signal', 'u32'],
    ['flags', 'u32'],
    ['stop_timeout_ms', 'u64'],
    ['boot', 'bytes16'],
    ['build', 'bytes32'],
  ],
  /**
   * What a kept plan was made from. `present` 0: the path did not exist; 1: nothing of it may differ;
   * 2: only dev and ino must be the same (directories whose content may change). `path`: offset in
   * text. Symbolic links are not followed.
   */
  input: [
    ['dev', 'u64'],
    ['ino', 'u64'],
    ['size', 'u64'],
    ['mtime_ns', 'i64'],
    ['ctime_ns', 'i64'],
    ['path', 'u32'],
    ['present', 'u32'],
  ],
  /**
   * `/run/vserver/guests/NAME/state`. The supervisor writes it with one pwrite(2); a reader that sees
   * `seq` and `seq_end` differ reads again. `*_ino` are inode numbers of pidfds (0 before Linux 6.9),
   * `*_start` start times in clock ticks from /proc/PID/stat.
   */
  state: [
    ['magic', 'u32'],
    ['version', 'u32'],
    ['seq', 'u32'],
    ['state', 'u32'],
    ['boot', 'bytes16'],
    ['build', 'bytes32'],
    ['supervisor_pid', 'u32'],
    ['init_pid', 'u32'],
    ['supervisor_ino', 'u64'],
    ['init_ino', 'u64'],
    ['supervisor_start', 'u64'],
    ['init_start', 'u64'],
    ['started_at_ns', 'u64'],
    ['started_boot_ns', 'u64'],
    ['restarts', 'u32'],
    ['ready', 'u32'],
    ['devpts_fd', 'u32'],
    ['forker_fd', 'u32'],
    ['reserved', 'u32'],
    ['seq_end', 'u32'],
  ],
  frame: [
    ['magic', 'u32'],
    ['kind', 'u32'],
    ['program', 'u32'],
    ['op', 'u32'],
    ['error', 'u32'],
    ['status', 'u32'],
    ['slot_count', 'u32'],
    ['byte_count', 'u32'],
  ],
  ...unifyLayout,
} as const satisfies Record<string, Layout>

/** Flags of a kept plan: its init speaks `READY=1`; its guest's `after` names others. */
export const kept = { NOTIFIES: 1, ORDERED: 2 } as const

/**
 * The `text` of a start plan is this sequence of NUL-terminated strings (the guest's card, from which
 * `status` and `list` print), followed by the paths of the inputs. The `text` of an enter plan is
 * the guest's name and then the command's base environment, one `KEY=VALUE` a string, ended by an
 * empty string, followed by the login command's argv, ended by an empty string. That of a fork plan is
 * the guest's name.
 */
export const card = {
  /** Name of the guest. */
  NAME: 0,
  /** `from` as in guest.yaml, `-` when absent. */
  FROM: 1,
  TEMPLATE: 2,
  /** `2000000000+65536` */
  IDS: 3,
  /** The guest's cgroup path as `status` shows it. */
  CGROUP: 4,
  /** Network mode. */
  NETWORK: 5,
  /** JSON members, `"from":…,"template":…,"ids":…,"cgroup":…,"network":…`, without braces. */
  JSON: 6,
  /** cgroup2 directory that the supervisor is born in, `-` for the caller's own. */
  SUPERVISORS: 7,
  /** How many. */
  COUNT: 8,
} as const
