/**
 * The escape table, tried by a guest's root with every capability that it keeps, and what the host looks
 * like afterwards. @limit 300 s
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { rows } from './escape/rows.ts'
import { binary, makeTree, product, runCommand } from './product.ts'
import { cgroupName } from './snapshot.ts'
import { tool } from './tools.ts'

const it = product()
const name = 'escape'
const marker = join(it.scratch, 'marker')
const shared = join(it.scratch, 'shared')
const secret = `host-only-${process.pid}`
const socketName = `vserver-escape-${process.pid}`
const helpers: ChildProcess[] = []
const servers: Server[] = []
const results = new Map<string, string>()
let hostBefore = ''
let sentinel = 0
let port = 0

/** Device nodes that a hostile template would bring. */
const nodes: readonly (readonly [string, 'c' | 'b', number, number])[] = [
  ['mem', 'c', 1, 1],
  ['null', 'c', 1, 3],
  ['kmsg', 'c', 1, 11],
  ['kvm', 'c', 10, 232],
  ['fuse', 'c', 10, 229],
  ['loop-control', 'c', 10, 237],
  ['loop0', 'b', 7, 0],
]

function makeNode(path: string, kind: 'c' | 'b', major: number, minor: number): void {
  const ran = runCommand(['mknod', '-m', '666', path, kind, String(major), String(minor)])
  assert.is(ran.code, 0, ran.stderr)
}

/** Settings of the host that a successful attack would change. Counters and random values are left out. */
function hostState(): string {
  const lines = globSync('/proc/sys/{kernel,vm,fs}/*').sort().flatMap((path) => {
    if (/random|nr$|nr_|ns_last_pid|-state|drop_caches|stat_refresh/.test(path)) return []
    if (!statSync(path).isFile() || (statSync(path).mode & 0o400) === 0) return []
    return [`${path} ${read(path)}`]
  })
  const devices = ['null', 'zero', 'urandom', 'random', 'full', 'tty'].map((node) => {
    const { mode, uid, gid, mtimeMs } = statSync(`/dev/${node}`)
    return `/dev/${node} ${mode} ${uid} ${gid} ${node === 'tty' ? 0 : mtimeMs > 1000}`
  })
  return [...lines, ...devices, ...globSync('/proc/sys/fs/binfmt_misc/*')].join('\n')
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    // Some sysctls can only be written to, or are not supported by the hardware.
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** Ids of the guest's processes as the host sees them, init first. */
function guestPids(): number[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).map(Number).filter((pid) =>
    read(`/proc/${pid}/cgroup`).includes(`${cgroupName(it.root)}/${name}`) &&
    /^Uid:\s+2\d{9}/m.test(read(`/proc/${pid}/status`))
  ).sort((a, b) => a - b)
}

function field(pid: number, key: string): string {
  return new RegExp(`^${key}:[ \\t]*(.*)$`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? ''
}

/** Terminals of the host with numbers that no guest has by itself. */
async function hostTerminals(): Promise<number> {
  for (let i = 0; i < 6; i++) {
    helpers.push(spawn(tool('ptydrive'), ['-l', '280', '--', 'sleep', '270'], { stdio: 'ignore' }))
  }
  await sleep(200)
  return Math.max(...readdirSync('/dev/pts').map(Number).filter(Number.isInteger))
}

const test = suite('a guest that attacks its host', {
  needs: ['root', 'vserver', 'test-tools'],
  timeoutMs: 120_000,
})

test.before(async () => {
  const tree = makeTree(join(it.scratch, 'tree'), {
    'sbin/init': 'init',
    'true-static': 'true',
    'pause-static': 'pause',
    'escape': 'escape',
  })
  mkdirSync(join(tree, 'shared'))
  mkdirSync(shared)
  chmodSync(shared, 0o777)
  writeFileSync(marker, 'the host')
  makeNode(join(shared, 'null'), 'c', 1, 3)
  const mounts = `mounts=[{source: ${shared}, target: /shared}]`
  it.must('create', name, '--from', `dir:${tree}`, '--set', mounts)
  const upper = it.guest(name, 'upper')
  mkdirSync(join(upper, 'nodes'), { recursive: true, mode: 0o755 })
  for (const [node, kind, major, minor] of nodes) {
    makeNode(join(upper, 'nodes', node), kind, major, minor)
  }
  const disk = statSync('/').dev
  makeNode(join(upper, 'nodes/disk'), 'b', disk >> 8, disk & 0xff)
  it.must('start', name)

  for (const address of [`\0${socketName}`, undefined]) {
    const server = createServer().unref()
    servers.push(server)
    await new Promise<void>((resolve) =>
      address === undefined
        ? server.listen(0, '127.0.0.1', resolve)
        : server.listen(address, resolve)
    )
    const bound = server.address()
    if (typeof bound === 'object' && bound !== null) port = bound.port
  }
  const asleep = spawn('sleep', ['280'], { stdio: 'ignore' })
  helpers.push(asleep)
  sentinel = asleep.pid ?? 0
  const handle = runCommand([tool('escape'), '@handle', marker]).stdout.trim()
  const terminal = await hostTerminals()
  hostBefore = hostState()

  const target = [sentinel, marker, socketName, port, terminal, handle, secret].map(String)
  const ran = runCommand(
    [
      tool('hostkey'),
      secret,
      '3',
      '7',
      '50',
      '--',
      ...it.argv('exec', name, '--', '/escape', ...target),
    ],
    { timeoutMs: 110_000 },
  )
  assert.is(ran.code, 0, ran.stderr + ran.stdout)
  for (const line of ran.stdout.trim().split('\n')) {
    const [probe = '', result = ''] = line.split('\t')
    results.set(probe, result)
  }
})

test.after(async () => {
  for (const helper of helpers) helper.kill('SIGTERM')
  for (const server of servers) server.close()
  await sleep(100)
  it.dispose()
})

test('has a row for every probe, and a probe for every row', () => {
  assert.ok(rows.length >= 80)
  assert.equal([...results.keys()].sort(), rows.map(([probe]) => probe).sort())
})

for (const [probe, expected, reason] of rows) {
  const needs = probe.startsWith('i386.')
    ? ['ia32']
    : probe === 'file.security-attribute'
    ? ['linux-6.11']
    : []
  test(`${probe}: ${reason}`, () => {
    const result = results.get(probe) ?? 'nothing'
    assert.ok(expected.includes(result), `${probe}: ${result}, expected ${expected.join(' or ')}`)
  }, { needs })
}

test('leaves the settings and devices of the host as they were', () => {
  assert.is(hostState(), hostBefore)
})

test('leaves processes of the host alone', () => {
  assert.is(process.kill(sentinel, 0), true)
  assert.is(field(sentinel, 'State').startsWith('S'), true)
  assert.is(read(`/proc/${sentinel}/oom_score_adj`), read('/proc/self/oom_score_adj'))
})

test('runs init and commands alike: filtered, bounded, setuid allowed', async ({ cleanup }) => {
  const child = spawn(it.argv()[0] ?? '', it.argv('exec', name, '--', '/pause-static').slice(1))
  cleanup(() => child.kill('SIGKILL'))
  await sleep(500)
  const pids = guestPids()
  assert.ok(pids.length >= 2, `pids: ${pids}`)
  const [init = 0, command = 0] = pids
  for (const key of ['CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'Seccomp', 'NoNewPrivs']) {
    assert.is(field(command, key), field(init, key), key)
  }
  assert.is(field(init, 'Seccomp'), '2')
  assert.is(field(init, 'NoNewPrivs'), '0')
  assert.is(field(init, 'Groups').trim(), '')
  assert.is(BigInt(`0x${field(init, 'CapBnd')}`) & (1n << 16n), 0n, 'CAP_SYS_MODULE')
  for (const space of ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']) {
    const here = readlinkSync(`/proc/self/ns/${space}`)
    assert.is.not(readlinkSync(`/proc/${command}/ns/${space}`), here, space)
    assert.is(
      readlinkSync(`/proc/${command}/ns/${space}`),
      readlinkSync(`/proc/${init}/ns/${space}`),
    )
  }
  assert.is(read(`/proc/${command}/limits`), read(`/proc/${init}/limits`))
})

test('keeps plain ids on disk, out of reach of host users', () => {
  const owned = statSync(it.guest(name, 'upper', 'escape.d'))
  assert.equal([owned.uid, owned.gid], [0, 0])
  const path = it.guest(name, 'upper', 'escape.d')
  const ran = runCommand(['setpriv', '--reuid', '65534', '--clear-groups', 'stat', path])
  assert.is.not(ran.code, 0)
  assert.match(ran.stderr, /Permission denied/)
})

test('never shows an entering process to the guest', async () => {
  const watcher = spawn(
    it.argv()[0] ?? '',
    it.argv('exec', name, '--', '/escape', '@watch', '8', secret, '/true-static').slice(1),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  helpers.push(watcher)
  let text = ''
  watcher.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = new Promise((resolve) => watcher.on('close', resolve))
  while (!text.includes('ready\n')) await sleep(20)
  const end = Date.now() + 7000
  let count = 0
  while (Date.now() < end) {
    const ran = it.run(['exec', name, '--', '/true-static'], { env: { VSERVER_SECRET: secret } })
    assert.is(ran.code, 0, ran.stderr)
    if (++count % 20 === 0) await sleep(1)
  }
  await ended
  const found = new Map(
    text.split('\n').slice(1, -1).map((line) => line.split('\t') as [string, string]),
  )
  assert.is(found.size, 9, text)
  for (const [probe, result] of found) {
    assert.ok(['EACCES', 'EPERM', 'UNSEEN'].includes(result), `${probe}: ${result}`)
  }
  const seen = [...found.values()].filter((result) => result !== 'UNSEEN')
  assert.ok(seen.length >= 5, `${count} commands, and the watcher met too few: ${text}`)
})

test('does not let `#!/proc/self/exe` reach the executable of the host', () => {
  const files = [binary, ...globSync(join(it.root, 'var/lib/vserver/runtime/*/executor'))]
  const before = files.map(digest)
  const script = it.guest(name, 'upper', 'tmp-script')
  writeFileSync(script, '#!/proc/self/exe\n')
  chmodSync(script, 0o755)
  it.run(['exec', name, '--', '/tmp-script'], { timeoutMs: 5000 })
  assert.equal(files.map(digest), before)
})

test('gives no terminal of the host away', () => {
  const exec = it.argv('exec', name, '--', '/escape', '@terminal')
  const shell = `${exec.join(' ')} > ${it.scratch}/out`
  for (const command of [exec, ['sh', '-c', shell], ['sh', '-c', `${shell} 2>&1`]]) {
    const ran = runCommand([tool('ptydrive'), '--', ...command])
    const report: unknown = JSON.parse(ran.stdout)
    assert.ok(typeof report === 'object' && report !== null && 'unread' in report, ran.stdout)
    assert.is(report.unread, 0, 'nothing was typed into the terminal of the host')
    assert.is(Reflect.get(report, 'restored'), true)
    const text = existsSync(`${it.scratch}/out`) ? read(`${it.scratch}/out`) : ''
    const output = `${Reflect.get(report, 'output')}${text}`
    assert.match(output, /terminal\.push\t(EPERM|ENOTTY|EIO)/)
  }
})

/** Asks until the guest is as it should be: a process without a parent delays the end of its namespace. */
async function reaches(wanted: (status: Record<string, unknown>) => boolean): Promise<void> {
  let text = ''
  for (let i = 0; i < 100; i++) {
    text = it.must('status', '--json', name)
    if (wanted(JSON.parse(text)[0])) return
    await sleep(50)
  }
  assert.unreachable(text)
}

test('takes a reboot and a power-off as its own', async () => {
  const before = read('/proc/stat').match(/btime \d+/)?.[0]
  const exec = (how: string) => it.run(['exec', name, '--', '/escape', '@reboot', how])
  exec('restart')
  await reaches(({ state, restarts }) => state === 'running' && restarts === 1)
  exec('off')
  await reaches(({ state }) => state === 'stopped')
  const [ended] = JSON.parse(it.must('status', '--json', name))
  assert.is(ended.lastExit.reason, 'poweroff')
  assert.is(read('/proc/stat').match(/btime \d+/)?.[0], before)
})

test.run()
