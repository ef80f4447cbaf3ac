/**
 * Kills each process of a start and of a stop before its N-th system call, and then asks for
 * `vserver list`: the host must be as it was.
 *
 * Every N is tried for the front door and for init. For the other processes an N is left out when the
 * call before it changes nothing that outlives the process: the kill before that call is the same one.
 * Moments between the first clone and the first wait for the new process are tried twice: with that one
 * as quick as it is, and held back at its beginning until the kill. Some 700 kills in three minutes.
 * @limit 900 s
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { syscall, type SyscallName } from '../../core/linux/syscalls.ts'
import { suite } from '../support/suite.ts'
import { makeTree, product, runCommand } from './product.ts'
import { assertSame, halfWritten, inOwnNamespaces, type Snapshot, snapshot } from './snapshot.ts'
import { tool } from './tools.ts'

inOwnNamespaces()

/** A process with at most so many calls is killed before each of them. */
const EVERY_CALL = 80
/** Of processes that another test kills at every call. */
const SAMPLE = 24

/** How long a new process is held back, in ms: longer than what its parent can do without it. */
const HOLD_MS = 20

/**
 * Calls that change only the process that makes them. An openat counts as one unless it may create, and
 * a mount that is not attached goes with its descriptor.
 */
const inert: ReadonlySet<number> = new Set(
  ([
    'capget',
    'chdir',
    'clock_gettime',
    'close',
    'fchdir',
    'fcntl',
    'fstat',
    'fsmount',
    'fsopen',
    'fstatfs',
    'getdents64',
    'geteuid',
    'getpid',
    'gettid',
    'mmap',
    'mount_setattr',
    'munmap',
    'newfstatat',
    'openat',
    'open_tree',
    'openat2',
    'pidfd_open',
    'pread64',
    'prlimit64',
    'read',
    'rt_sigaction',
    'rt_sigprocmask',
    'statx',
    'umask',
    // What the runtime does with itself.
    'access',
    'arch_prctl',
    'brk',
    'epoll_create1',
    'epoll_ctl',
    'epoll_pwait',
    'eventfd2',
    'futex',
    'getegid',
    'getgid',
    'getppid',
    'getrandom',
    'getsockname',
    'getsockopt',
    'getuid',
    'io_uring_enter',
    'io_uring_setup',
    'madvise',
    'mprotect',
    'readlink',
    'readlinkat',
    'rseq',
    'sched_getaffinity',
    'set_robust_list',
    'set_tid_address',
    'sigaltstack',
    'sysinfo',
    'uname',
  ] satisfies SyscallName[]).map((name) => syscall[name]),
)

interface Process {
  readonly calls: number
  readonly command: string
  /** Numbers of the first calls; an openat that may create has 65536 added. */
  readonly numbers: readonly number[]
}

interface Traced {
  readonly code: number
  readonly killed: boolean
  readonly call: number
  readonly processes: readonly Process[]
}

/** One kill: before which call, and whether processes that are new then have not begun yet. */
interface Moment {
  readonly call: number
  readonly held: boolean
}

const it = product()
const test = suite('a process that is killed before its N-th system call', {
  needs: ['root', 'vserver', 'test-tools'],
  timeoutMs: 300_000,
})

let before: Snapshot

test.before(() => {
  const quick = makeTree(join(it.scratch, 'quick'), { 'sbin/init': 'true' })
  const lasting = makeTree(join(it.scratch, 'lasting'), { 'sbin/init': 'init' })
  it.must('create', 'quick', '--from', `dir:${quick}`)
  it.must('create', 'lasting', '--from', `dir:${lasting}`, '--set', 'stopTimeout=2s')
  // The first start compiles the plans, the next ones replay them.
  it.must('start', '--wait=exit', 'quick')
  it.must('start', 'lasting')
  it.must('stop', 'lasting')
  before = snapshot(it.root)
})

test.after(() => it.dispose())

function killat(args: readonly string[], command: readonly string[]): Traced {
  const ran = runCommand([tool('killat'), ...args, '--', ...command], { timeoutMs: 20_000 })
  const line = ran.stdout.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) {
    throw new Error(`killat ${args.join(' ')}: exit ${ran.code} ${ran.stderr}${ran.stdout}`)
  }
  return JSON.parse(line)
}

/** `count` numbers from 1 to `calls`, the first and the last among them. */
function spread(calls: number, count: number): number[] {
  const step = (calls - 1) / (count - 1)
  return Array.from({ length: count }, (_, index) => 1 + Math.round(index * step))
}

function moments({ calls, numbers }: Process, sample: number): Moment[] {
  const all = Array.from({ length: calls }, (_, index) => index + 1)
  const differs = (call: number) => call === 1 || !inert.has(numbers[call - 2] ?? -1)
  const some = calls <= EVERY_CALL ? all : all.filter(differs)
  const tried = some.length > sample
    ? spread(some.length, sample).map((at) => some[at - 1] ?? at)
    : some
  const clone = numbers.indexOf(syscall.clone3)
  const wait = clone < 0 ? -1 : numbers.indexOf(syscall.futex, clone)
  const alone = (call: number) => call > clone + 1 && call <= wait + 1
  return tried.flatMap((call) =>
    alone(call) ? [{ call, held: false }, { call, held: true }] : [{ call, held: false }]
  )
}

function supervisorPid(name: string): number {
  const bytes = readFileSync(join(it.root, 'run/vserver/guests', name, 'state'))
  // layout.state: magic, version, seq, state, boot (16), build (32), supervisor_pid
  return bytes.readUInt32LE(64)
}

/** What a person does next: looks, and stops what runs. Then nothing must be left. */
function settle(name: string, what: string): void {
  const listed = it.run(['list', '--json'])
  assert.is(listed.code, 0, `${what}: list: ${listed.stderr}`)
  const guests: readonly { name: string; state: string }[] = JSON.parse(listed.stdout)
  const state = guests.find((guest) => guest.name === name)?.state ?? 'gone'
  assert.not.equal(state, 'gone', what)
  if (['running', 'starting', 'stopping'].includes(state)) it.must('stop', name)
  assertSame(before, snapshot(it.root), what)
}

interface Kills {
  readonly command: readonly string[]
  /** Gives arguments for killat. */
  readonly prepare: () => readonly string[]
  /** At most so many moments of a process with one of these words. */
  readonly sample?: { readonly moments: number; readonly of: readonly string[] }
}

/** Gives how many kills there were, of which at least nine in ten must have hit, and of what. */
function everyKill(name: string, { command, prepare, sample }: Kills) {
  const whole = killat(prepare(), command)
  assert.is(whole.code, 0, JSON.stringify(whole))
  settle(name, 'without a kill')
  let kills = 0
  let tries = 0
  whole.processes.forEach((process, index) => {
    const sampled = sample?.of.some((word) => process.command.includes(word)) === true
    const most = sampled ? sample.moments : Infinity
    assert.is(process.numbers.length, process.calls, 'killat remembers every call')
    for (const { call, held } of moments(process, most)) {
      const hold = held ? ['-d', String(HOLD_MS)] : []
      const traced = killat(
        [...prepare(), '-p', String(index), '-n', String(call), ...hold],
        command,
      )
      const how = `killed before call ${call} (number ${traced.call})${
        held ? ', children held' : ''
      }`
      settle(name, `${process.command} (${index}), ${how}`)
      if (traced.killed) kills++
      tries++
    }
  })
  assert.ok(kills >= tries * 0.9, `only ${kills} of ${tries} kills came`)
  return { kills, processes: whole.processes.length }
}

test('start and teardown of a replayed plan leave nothing behind', () => {
  const command = it.argv('start', '--wait=exit', 'quick')
  const { kills, processes } = everyKill('quick', { command, prepare: () => [] })
  assert.ok(processes >= 3, `${processes} processes: front door, supervisor, init`)
  assert.ok(kills >= 300, `only ${kills} kills`)
  assert.is(it.run(['start', '--wait=exit', 'quick']).code, 0)
  settle('quick', 'after all of it')
})

test('a supervisor that dies at any call of its init takes it along', () => {
  const command = it.argv('start', '--wait=exit', 'quick')
  const { processes } = killat([], command)

  const init = processes.findIndex((one) => one.command === '/sbin/init')
  const supervisor = processes.findIndex((one) => one.command.includes('@supervise'))
  assert.ok(init > supervisor && supervisor > 0, JSON.stringify(processes))
  const calls = processes[init]?.calls ?? 0
  assert.ok(calls >= 30, `${calls} calls of init`)
  for (let call = 1; call <= calls; call++) {
    const at = ['-p', String(init), '-n', String(call), '-k', String(supervisor)]
    const traced = killat(at, command)
    settle('quick', `supervisor killed before call ${call} (number ${traced.call}) of init`)
  }
})

test('stop leaves nothing behind', () => {
  const command = it.argv('stop', 'lasting')
  const prepare = () => {
    it.must('start', 'lasting')
    return ['-a', String(supervisorPid('lasting'))]
  }
  const { kills } = everyKill('lasting', { command, prepare })
  assert.ok(kills >= 60, `only ${kills} kills`)
  it.must('start', 'lasting')
  settle('lasting', 'after all of it')
})

test('a start that is compiled leaves nothing behind', () => {
  const command = it.argv('start', '--wait=exit', 'quick')
  const prepare = () => {
    // A change to the configuration makes the kept plan stale.
    runCommand(['touch', it.guest('quick', 'guest.yaml')])
    return []
  }
  // The supervisor and the init are those of a replayed start.
  const sample = { moments: SAMPLE, of: ['@supervise', '/sbin/init'] }
  const { kills } = everyKill('quick', { command, prepare, sample })
  assert.ok(kills >= 120, `only ${kills} kills`)
  assert.is(it.run(['start', '--wait=exit', 'quick']).code, 0)
  settle('quick', 'after all of it')
  prepare()
  assert.is(it.run(['start', '--wait=exit', 'quick']).code, 0)
  assert.equal(halfWritten(it.root), [])
})

test.run()
