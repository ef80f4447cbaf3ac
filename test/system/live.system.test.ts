/**
 * Clones and snapshots of guests that run: one moment is what is copied, and the guest goes on, also when
 * a process of the command is killed at any of its calls.
 * @limit 600 s
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { syscall } from '../../core/linux/syscalls.ts'
import { suite } from '../support/suite.ts'
import { product, runCommand } from './product.ts'
import { tool } from './tools.ts'

const test = suite('a running guest', {
  needs: ['root', 'vserver', 'busybox', 'test-tools', 'getfattr', 'setfacl', 'setcap'],
  timeoutMs: 300_000,
})
const it = product()
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const tree = join(it.scratch, 'tree')

/** Writes the same number into two files, one after the other, as fast as it can. */
const init = `#!/bin/sh
trap 'exit 0' TERM
i=0
while :; do
  i=$((i + 1))
  echo $i >/data/one.new; mv /data/one.new /data/one
  echo $i >/data/two.new; mv /data/two.new /data/two
done
`

test.before(() => {
  for (
    const path of ['sbin', 'bin', 'etc', 'dev', 'proc', 'sys', 'tmp', 'run', 'root', 'data', 'old']
  ) {
    mkdirSync(join(tree, path), { recursive: true })
  }
  cpSync('/bin/busybox', join(tree, 'bin/busybox'), { dereference: true })
  for (const name of ['sh', 'mv', 'cat', 'touch', 'sleep', 'rm']) {
    symlinkSync('busybox', join(tree, 'bin', name))
  }
  writeFileSync(join(tree, 'sbin/init'), init)
  chmodSync(join(tree, 'sbin/init'), 0o755)
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  writeFileSync(join(tree, 'etc/hostname'), 'machine\n')
  for (const file of ['old/a', 'old/b', 'file']) writeFileSync(join(tree, file), file)
})
test.after(() => it.dispose())

/** Makes and starts a guest that has written something of every kind. */
function start(name: string, bulk = 0): void {
  it.must('create', name, '--from', `dir:${tree}`, '--set', 'stopTimeout=2s')
  const guest = lib('guests', name)
  const { template } = record(name)
  const options = `lowerdir=${lib('templates', template)},upperdir=${guest}/upper,` +
    `workdir=${guest}/work,redirect_dir=on`
  const line = 'mv $m/old $m/new; mkdir $m/old; rm $m/file; ln $m/new/a $m/new/link; ' +
    'mknod $m/node c 1 3; mkfifo $m/pipe; setfacl -m u:7:rw $m/new/a; ' +
    'cp $m/bin/busybox $m/bin/capable; setcap cap_net_raw+ep $m/bin/capable; ' +
    'truncate -s 64M $m/sparse; echo end >>$m/sparse; setfattr -n user.x -v y $m/old; ' +
    `for i in $(seq ${bulk}); do echo $i >$m/old/$i; done`
  const script = `m=$(mktemp -d) && mount -t overlay -o '${options}' overlay $m && { ${line}\n}; ` +
    'r=$?; umount $m; rmdir $m; exit $r'
  const ran = spawnSync('unshare', ['-m', 'bash', '-c', script], { encoding: 'utf8' })
  assert.is(ran.status, 0, ran.stderr)
  it.must('start', name)
  const written = () => existsSync(lib('guests', name, 'upper/data/two'))
  for (let tries = 0; !written() && tries < 100; tries++) spawnSync('sleep', ['0.05'])
}

interface Meta {
  readonly template: string
  readonly layers: readonly string[]
}
const record = (name: string): Meta =>
  JSON.parse(readFileSync(lib('guests', name, 'meta.json'), 'utf8'))

/** All that is in a directory of overlayfs's, its own marks included, but for what changes. */
function layer(path: string): string {
  const line = 'find . -not -path "./data*" -not -path ./etc/hostname -not -path . ' +
    '-printf "%p %y %U:%G %m %l %s %n %T@\\n" | sed "s/^\\(\\S* d \\S* \\S*\\).*/\\1/" | sort; ' +
    'find . -type f -not -path "./data*" -not -path ./etc/hostname -exec sha256sum {} + | sort; ' +
    'getfattr -R -P -h -d -m - new old bin node pipe 2>/dev/null; stat -c "%t:%T" node file'
  const ran = spawnSync('sh', ['-c', line], { cwd: path, encoding: 'utf8' })
  return ran.stdout
}

function frozen(name: string): boolean {
  const group = /"cgroup":"([^"]+)"/.exec(it.must('status', '--json', name))?.[1] ?? ''
  const mount = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    .map((line) => line.split(' ')).find((one) => one[2] === 'cgroup2')?.[1] ?? ''
  const places = [group, `/system.slice/${group.split('/')[1]}.service${group}`]
  const place = places.map((one) => join(mount, one, 'cgroup.freeze')).find((one) =>
    existsSync(one)
  )
  return readFileSync(place ?? '', 'utf8').trim() !== '0'
}

async function goesOn(name: string, what: string): Promise<void> {
  const number = () => readFileSync(lib('guests', name, 'upper/data/one'), 'utf8')
  for (let tries = 0; frozen(name); tries++) {
    assert.ok(tries < 100, `${what}: still frozen`)
    await sleep(20)
  }
  const before = number()
  for (let tries = 0; number() === before; tries++) {
    assert.ok(tries < 200, `${what}: it does not go on`)
    await sleep(20)
  }
}

function numbers(directory: string): readonly [number, number] {
  const read = (name: string) => Number(readFileSync(join(directory, 'data', name), 'utf8'))
  return [read('one'), read('two')]
}

test('is cloned as of one moment, with everything that it has written', async ({ cleanup }) => {
  cleanup(() => it.clear())
  start('web')
  const before = record('web')
  for (let round = 0; round < 5; round++) {
    const text = it.must('clone', 'web', `c${round}`)
    assert.match(text, /^c\d cloned from web, which stood still for [\d.]+ ms\n$/)
    const [one, two] = numbers(lib('guests', `c${round}`, 'upper'))
    assert.ok(one === two || one === two + 1, `${one} and ${two}`)
  }
  await goesOn('web', 'after clones')
  assert.not(existsSync(join(it.root, 'run/vserver/guests/web/frozen')))
  assert.equal(record('web'), before, 'it keeps what it has')
  const upper = lib('guests/c0/upper')
  assert.fixture(layer(upper), layer(lib('guests/web/upper')))
  assert.match(layer(upper), /trusted\.overlay\.redirect="old"/)
  assert.is(readFileSync(join(upper, 'etc/hostname'), 'utf8'), 'c0\n')
  assert.is(lstatSync(join(upper, 'new/a')).ino, lstatSync(join(upper, 'new/link')).ino)
  assert.ok(lstatSync(join(upper, 'sparse')).blocks < 1000)
  assert.not(lstatSync(join(upper, 'new/a')).ino === lstatSync(lib('guests/web/upper/new/a')).ino)
  it.must('start', 'c0')
  assert.is(it.must('exec', 'c0', '--', 'cat', '/new/b', '/etc/hostname'), 'old/bc0\n')
  const shown: readonly { freezeMs: number }[] = JSON.parse(it.must('clone', '--json', 'web', 'c9'))
  assert.ok((shown[0]?.freezeMs ?? 0) > 0)
})

test('has snapshots that nobody can write to', async ({ cleanup }) => {
  cleanup(() => it.clear())
  start('web')
  const text = it.must('snapshots', 'web', '--create', 'live')
  assert.match(text, /^web@live created; web stood still for [\d.]+ ms\n$/)
  const { created, freezeMs }: { created: { layers: readonly string[] }; freezeMs: number } = JSON
    .parse(it.must('snapshots', 'web', '--create', 'again', '--json'))
  assert.ok(freezeMs > 0)
  const [id = ''] = created.layers
  const [one, two] = numbers(lib('layers', id))
  assert.ok(one === two || one === two + 1, `${one} and ${two}`)
  assert.fixture(layer(lib('layers', id)), layer(lib('guests/web/upper')))
  await goesOn('web', 'after snapshots')
  assert.is(numbers(lib('layers', id))[0], one)
  it.must('clone', 'web@live', 'old')
  it.must('start', 'old')
  assert.is(it.must('exec', 'old', '--', 'cat', '/new/a'), 'old/a')
  const refused = it.run(['snapshots', 'web', '--rollback', 'live'])
  assert.is(refused.code, 1)
  assert.match(
    refused.stderr,
    /Cannot roll back "web": it is running\n {2}vserver (?:--root \S+ )?stop web/,
  )
  it.must('stop', 'web')
  const last = numbers(lib('guests/web/upper'))
  it.must('snapshots', 'web', '--rollback', 'live')
  it.must('snapshots', 'web', '--rollback', 'again')
  it.must('start', 'web')
  assert.ok(Number(it.must('exec', 'web', '--', 'cat', '/data/one')) < last[0])
  it.must('kill', 'old')
  it.must('destroy', '--yes', 'old')
  it.must('snapshots', 'web', '--delete', 'live')
})

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`goes on when ${signal} ends the command`, async ({ cleanup }) => {
    cleanup(() => it.clear())
    start('web', 2000)
    for (const delay of [50, 100, 150, 200, 300, 400]) {
      for (const words of [['clone', 'web', 'copy'], ['snapshots', 'web', '--create', 'copy']]) {
        const [file = '', ...args] = it.argv(...words)
        const child = spawn(file, args, { stdio: 'ignore' })
        const ended = once(child, 'exit')
        await sleep(delay)
        child.kill(signal)
        await ended
        await goesOn('web', `${words[0]} after ${delay} ms`)
        it.run(['destroy', '--yes', 'copy'])
        it.run(['snapshots', 'web', '--delete', 'copy'])
        assert.equal(readdirSync(lib('layers')), [])
        assert.equal(readdirSync(lib('guests')), ['web'])
      }
    }
  })
}

interface Traced {
  readonly killed: boolean
  readonly processes: readonly {
    readonly calls: number
    readonly command: string
    readonly numbers: readonly number[]
  }[]
}

/** Calls of which every process makes many, and after which nothing outside of it is different. */
const inert: ReadonlySet<number> = new Set([
  syscall.read,
  syscall.mmap,
  syscall.munmap,
  syscall.mprotect,
  syscall.madvise,
  syscall.futex,
  syscall.epoll_pwait,
  syscall.epoll_ctl,
  syscall.close,
  syscall.statx,
  syscall.fstat,
  syscall.newfstatat,
  syscall.openat,
  syscall.openat2,
  syscall.lseek,
  syscall.brk,
  syscall.rt_sigaction,
  syscall.rt_sigprocmask,
  syscall.getdents64,
  syscall.pread64,
])

test('goes on when a process of the command is killed at any of its calls', async ({ cleanup }) => {
  cleanup(() => it.clear())
  start('web', 20)
  const command = it.argv('clone', 'web', 'copy')
  const killat = (args: readonly string[]): Traced => {
    const ran = runCommand([tool('killat'), ...args, '--', ...command], { timeoutMs: 30_000 })
    return JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '')
  }
  const whole = killat([])
  it.must('destroy', '--yes', 'copy')
  let kills = 0
  for (const [index, process] of whole.processes.entries()) {
    const calls = process.numbers.flatMap((_, at) =>
      at === 0 || !inert.has(process.numbers[at - 1] ?? -1) ? [at + 1] : []
    )
    const step = Math.max(1, Math.ceil(calls.length / 20))
    for (let at = kills % step; at < calls.length; at += step) {
      const call = calls[at] ?? 1
      const traced = killat(['-p', String(index), '-n', String(call)])
      kills += traced.killed ? 1 : 0
      const what = `${process.command} (${index}) killed before call ${call}`
      await goesOn('web', what)
      // What a plan had begun is finished, and until then its session has the lock.
      for (let tries = 0; tries < 20; tries++) {
        // Any command that changes something cleans up; list alone may be native, and then only looks.
        assert.is(it.run(['destroy', '--yes', 'nobody']).code, 4, what)
        if (!readdirSync(lib('guests')).some((entry) => entry.startsWith('.'))) break
        await sleep(50)
      }
      if (existsSync(lib('guests/copy'))) it.must('destroy', '--yes', 'copy')
      assert.equal(readdirSync(lib('guests')), ['web'], what)
    }
  }
  assert.ok(kills >= 20, `only ${kills} kills`)
})

test('is thawed by the next command, should all have been killed', ({ cleanup }) => {
  cleanup(() => it.clear())
  start('web')
  const group = /"cgroup":"([^"]+)"/.exec(it.must('status', '--json', 'web'))?.[1] ?? ''
  const mount = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    .map((line) => line.split(' ')).find((one) => one[2] === 'cgroup2')?.[1] ?? ''
  const file = join(mount, group, 'cgroup.freeze')
  if (!existsSync(file)) return
  writeFileSync(join(it.root, 'run/vserver/guests/web/frozen'), '')
  writeFileSync(file, '1')
  it.must('snapshots', 'web', '--create', 'x')
  assert.is(readFileSync(file, 'utf8'), '0\n')
  assert.not(existsSync(join(it.root, 'run/vserver/guests/web/frozen')))
  // The administrator's own doing is left alone.
  writeFileSync(file, '1')
  it.must('clone', 'web', 'copy')
  assert.is(readFileSync(file, 'utf8'), '1\n')
  writeFileSync(file, '0')
})

test.run()
