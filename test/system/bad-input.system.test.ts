/**
 * What a person or a broken host can do wrong: each gives an error that names the thing, the documented
 * exit code, and leaves the host as it was. @limit 300 s
 *
 * @module
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { binary, product, type Ran, runCommand, tinyTree } from './product.ts'
import { assertSame, inOwnNamespaces, type Snapshot, snapshot } from './snapshot.ts'

inOwnNamespaces()

const it = product()
const tree = join(it.scratch, 'tree')
const from = ['--from', `dir:${tree}`]
const test = suite('bad input', { needs: ['root', 'vserver', 'test-tools'], timeoutMs: 60_000 })
let before: Snapshot

test.before(() => {
  tinyTree(tree)
  it.must('create', 'good', ...from)
  it.must('start', 'good')
  it.must('stop', 'good')
  before = snapshot(it.root)
})
test.after.each(() => assertSame(before, snapshot(it.root)))
test.after(() => it.dispose())

/** Failed with this code, and said why in words that hold the pattern; nothing went to stdout. */
function assertRefused(ran: Ran, code: number, pattern: RegExp): void {
  assert.is(ran.code, code, `exit ${ran.code}: ${ran.stderr}${ran.stdout}`)
  assert.match(ran.stderr, /^vserver: /)
  assert.match(ran.stderr, pattern)
  assert.is(ran.stdout, '')
  const controls = [...ran.stderr].filter((one) =>
    (one < ' ' && !'\n\t'.includes(one)) || one === '\x7f'
  )
  assert.equal(controls, [], 'no control characters reach the terminal')
  assert.ok(!/\n\s+at /.test(ran.stderr), `no stack trace: ${ran.stderr}`)
}

/** Runs a shell script in a mount namespace of its own, with $ROOT and $VSERVER set. */
function inPrivateMounts(script: string): Ran {
  const env = { ROOT: it.root, VSERVER: binary, TREE: tree, SCRATCH: it.scratch }
  return runCommand(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script], { env })
}

const badNames: readonly (readonly [string, RegExp])[] = [
  ['..', /"\.\."/],
  ['../good', /"\.\.\/good"/],
  ['a/b', /"a\/b"/],
  ['a b', /"a b"/],
  ['a\nb', /"a\\nb"/],
  ['a\x1b[31mb', /\\u001b/],
  ['x'.repeat(300), /300 characters/],
  ['__proto__', /"__proto__"/],
  ['constructor.x', /"constructor\.x"/],
  ['Web', /"Web"/],
  ['start', /verb/],
  ['', /empty/],
]

for (const [name, pattern] of badNames) {
  test(`refuses the name ${JSON.stringify(name.slice(0, 20))}`, () => {
    assertRefused(it.run(['create', name, ...from]), 2, pattern)
    for (const verb of ['start', 'stop', 'status', 'exec', 'destroy']) {
      const ran = it.run([verb, ...(verb === 'destroy' ? ['--yes'] : []), name])
      assert.ok([2, 4].includes(ran.code), `${verb}: exit ${ran.code}: ${ran.stderr}`)
      assert.match(ran.stderr, /^vserver: /)
    }
  })
}

test('refuses a name that starts with a dash as an option', () => {
  assertRefused(it.run(['create', '-web', ...from]), 2, /-w/)
})

test('restart does not stop what could not start again, and needs nothing of the environment', () => {
  it.must('start', 'good')
  const file = it.guest('good', 'guest.yaml')
  const before = readFileSync(file, 'utf8')
  const pid = () => JSON.parse(it.must('status', 'good', '--json'))[0].initPid
  const was = pid()
  for (
    const line of ['stopTimeout: 5', 'init: /nowhere', 'mounts: [{ source: /nowhere, target: /a }]']
  ) {
    writeFileSync(file, `${before}${line}\n`)
    const ran = it.run(['restart', 'good'])
    assert.ok(ran.code === 1 || ran.code === 2, ran.stderr)
    assert.match(ran.stderr, /stopTimeout|nowhere/)
    assert.is(pid(), was)
  }
  writeFileSync(file, before)
  const env = { VSERVER_COMPILED: '1' }
  assert.is(it.run(['config', 'good'], { env }).stdout, before)
  const ran = it.run(['restart', 'good'], { env })
  assert.is(ran.code, 0, ran.stderr)
  assert.not.equal(pid(), was)
  it.must('stop', 'good')
})

test('does not wait for a pipe in place of a kept file, and makes the file anew', () => {
  it.must('start', 'good')
  for (const name of ['enter.kept', 'start.kept', 'started.json']) {
    const path = join(it.root, 'run/vserver/guests/good', name)
    for (const link of [false, true]) {
      rmSync(path)
      if (link) symlinkSync('/dev/zero', path)
      else runCommand(['mkfifo', path])
      const ran = it.run(['exec', 'good', '--', '/true-static'], { env: { VSERVER_FORKER: '0' } })
      assert.equal([ran.code, ran.stderr], [0, ''])
      assert.match(it.must('status', 'good'), /^good: running/)
      assert.match(it.must('list'), /^good +running/m)
    }
  }
  it.must('stop', 'good')
  it.must('start', 'good')
  it.must('stop', 'good')
})

test('refuses unknown verbs, options and keys, and names them', () => {
  assertRefused(it.run(['strat', 'good']), 2, /strat/)
  assertRefused(it.run(['good', 'strat']), 2, /strat|good/)
  assertRefused(it.run(['start', '--frobnicate', 'good']), 2, /frobnicate/)
  assertRefused(it.run(['list', '--frobnicate']), 2, /frobnicate/)
  assertRefused(it.run(['create', 'new', ...from, '--set', 'limitz=1']), 2, /limitz/)
  assertRefused(it.run(['create', 'new', ...from, '--set', 'stopTimeout=10']), 2, /stopTimeout/)
  assertRefused(it.run(['create', 'new', ...from, '--set', '__proto__.x=1']), 2, /__proto__/)
  assertRefused(it.run(['create', 'new', '--from', 'frob:/x']), 2, /frob/)
  assertRefused(it.run(['start']), 2, /name/)
})

test('says which guest does not exist', () => {
  for (const verb of ['start', 'stop', 'kill', 'exec', 'status', 'logs']) {
    assertRefused(it.run([verb, 'nobody', ...(verb === 'exec' ? ['true'] : [])]), 4, /"nobody"/)
  }
  assertRefused(it.run(['exec', 'good', '--', 'true']), 3, /"good".*not running/)
  const ran = it.run(['status', '--json', 'nobody'])
  assert.is(ran.code, 4)
  assert.is(JSON.parse(ran.stderr).error.code, 'E_GUEST_UNKNOWN')
})

test('refuses a source that is not there, and a name that is taken', () => {
  assertRefused(it.run(['create', 'new', '--from', `dir:${it.scratch}/nowhere`]), 1, /nowhere/)
  assertRefused(it.run(['create', 'new', '--from', `tar:${it.scratch}/no.tar`]), 1, /no\.tar/)
  assertRefused(it.run(['create', 'good', ...from]), 1, /"good"/)
})

test('refuses a tree without an init', ({ cleanup }) => {
  const bare = tinyTree(join(it.scratch, 'bare'))
  rmSync(join(bare, 'sbin'), { recursive: true })
  cleanup(() => it.run(['destroy', '--yes', 'bare']))
  const created = it.run(['create', 'bare', '--from', `dir:${bare}`])
  const ran = created.code === 0 ? it.run(['start', 'bare']) : created
  assertRefused(ran, 1, /init/)
})

for (const directory of ['dev', 'proc', 'sys', 'etc']) {
  for (const target of ['absolute', 'relative'] as const) {
    test(`does not follow an ${target} /${directory} out of the tree`, ({ cleanup }) => {
      const outside = join(it.scratch, 'outside')
      mkdirSync(outside, { recursive: true })
      const path = tinyTree(join(it.scratch, `links-${directory}-${target}`))
      rmSync(join(path, directory), { recursive: true })
      const up = '../'.repeat(20)
      symlinkSync(
        target === 'absolute' ? outside : `${up}${outside.slice(1)}`,
        join(path, directory),
      )
      cleanup(() => it.run(['kill', 'linked']))
      cleanup(() => it.run(['destroy', '--yes', 'linked']))
      const created = it.run(['create', 'linked', '--from', `dir:${path}`])
      const ran = created.code === 0 ? it.run(['start', 'linked']) : created
      // A dangling /etc harms nobody: the guest sees a link to nowhere. Mount points must be real.
      if (directory !== 'etc' || ran.code !== 0) assertRefused(ran, 1, new RegExp(`/${directory}`))
      assert.equal(readdirSync(outside), [])
      it.run(['kill', 'linked'])
      it.run(['destroy', '--yes', 'linked'])
    })
  }
}

test('refuses unsafe and unusable state directories', () => {
  const open = join(it.scratch, 'open')
  mkdirSync(join(open, 'var/lib/vserver'), { recursive: true })
  chmodSync(join(open, 'var/lib/vserver'), 0o777)
  assertRefused(
    runCommand([binary, '--root', open, 'create', 'x', ...from]),
    1,
    /var\/lib\/vserver/,
  )
  const mount = 'mkdir -p $ROOT/../other && mount -t tmpfs'
  const create = '$VSERVER --root $ROOT/../other create x --from dir:$TREE'
  const readOnly = inPrivateMounts(`${mount} -o ro,mode=700 none $ROOT/../other && ${create}`)
  assertRefused(readOnly, 1, /other/)
  const start = '$VSERVER --root $ROOT/../other start x'
  const noExec = inPrivateMounts(
    `${mount} -o noexec,mode=700 none $ROOT/../other && ${create} && ${start}`,
  )
  assertRefused(noExec, 1, /noexec|execut/i)
})

test('says that a disk is full, and goes on when it is not any more', () => {
  const image = join(it.scratch, 'disk.img')
  const mount = join(it.scratch, 'disk')
  mkdirSync(mount)
  const made = runCommand(['sh', '-c', `truncate -s 260M ${image} && mkfs.ext4 -q -m 0 ${image}`])
  assert.is(made.code, 0, made.stderr)
  const big = tinyTree(join(it.scratch, 'big'))
  runCommand(['dd', 'if=/dev/urandom', `of=${big}/large`, 'bs=1M', 'count=150', 'status=none'])
  const vserver = '$VSERVER --root $SCRATCH/disk/root'
  const ran = inPrivateMounts(`
    mount -o loop ${image} ${mount} || exit 90
    mkdir -m 700 ${mount}/root
    ${vserver} create big --from dir:${big}; echo "create $?"
    ${vserver} list --quiet; ls -A ${mount}/root/var/lib/vserver/guests 2>/dev/null
    ${vserver} create small --from dir:$TREE --quiet || exit 91
    ${vserver} start small --quiet || exit 93
    ${vserver} kill small >/dev/null
    touch ${mount}/root/var/lib/vserver/guests/small/guest.yaml
    dd if=/dev/zero of=${mount}/fill bs=64k status=none 2>/dev/null
    dd if=/dev/zero of=${mount}/fill2 bs=1k status=none 2>/dev/null
    ${vserver} start small; echo "start $?"
    ${vserver} kill small >/dev/null 2>&1
    rm -f ${mount}/fill ${mount}/fill2
    ${vserver} start small --quiet || exit 92
    ${vserver} kill small --quiet; ${vserver} destroy --yes small --quiet; ${vserver} list
    umount -l ${mount}
  `)
  assert.is(ran.code, 0, ran.stderr + ran.stdout)
  assert.match(ran.stdout, /^create 1\n/)
  assert.match(
    ran.stderr,
    /^vserver: Cannot \w+ ".*(full|ENOSPC|space|needs more than)/m,
    ran.stderr,
  )
  assert.match(ran.stdout, /start 1\n/)
  const named =
    /^vserver: Cannot write "\/\S+\/disk\/root\/\S+": its file system is full\n {2}make room/m
  assert.match(ran.stderr, named, ran.stderr)
})

test('cleans up after ^C at any moment of a create and a start', async ({ cleanup }) => {
  const big = join(it.scratch, 'many')
  tinyTree(big)
  for (let i = 0; i < 2000; i++) writeFileSync(join(big, `file-${i}`), 'x'.repeat(5000))
  cleanup(() => it.run(['destroy', '--yes', 'broken']))
  const templates = () => readdirSync(join(it.root, 'var/lib/vserver/templates'))
  const old = templates()
  for (const ms of [5, 20, 40, 60, 90, 130, 180, 250]) {
    const [file = '', ...args] = it.argv('create', 'broken', '--from', `dir:${big}`)
    const child = spawn(file, args, { stdio: 'ignore' })
    const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
    await sleep(ms)
    child.kill('SIGINT')
    const code = await ended
    assert.ok(code === 130 || code === 0 || code === null, `after ${ms} ms: exit ${code}`)
    const listed = it.must('list', '--quiet').split('\n').includes('broken')
    if (code !== 0) assert.is(listed, false, `after ${ms} ms: half-made guest`)
    if (listed) it.must('destroy', '--yes', 'broken')
    assertSame(before, snapshot(it.root), `^C after ${ms} ms`)
  }
  const half = templates().filter((name) => !old.includes(name) && /tmp|\.new|^\./.test(name))
  assert.equal(half, [], 'no half-made template stays')
  assert.equal(readdirSync(join(it.root, 'var/lib/vserver/guests')), ['good'])
  for (const ms of [1, 3, 8, 20, 60]) {
    const [file = '', ...args] = it.argv('start', '--wait=exit', 'good')
    const child = spawn(file, args, { stdio: 'ignore' })
    const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
    await sleep(ms)
    child.kill('SIGINT')
    await ended
    it.must('list')
    it.run(['stop', 'good'])
    assertSame(before, snapshot(it.root), `^C after ${ms} ms of start`)
  }
})

test('lets one command work on a guest at a time, and says which one', async ({ cleanup }) => {
  const set = ['--set', 'init=[/sbin/init, stubborn]', '--set', 'stopTimeout=3s']
  it.must('create', 'slow', ...from, ...set)
  cleanup(() => it.must('destroy', '--yes', 'slow'))
  it.must('start', 'slow')
  const [file = '', ...args] = it.argv('stop', 'slow')
  const child = spawn(file, args, { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  await sleep(300)
  const ran = it.run(['stop', 'slow', '--lock-timeout', '0'])
  assertRefused(ran, 5, new RegExp(`"slow".*locked by pid ${child.pid} \\(vserver stop\\)`))
  await ended
})

test('says that no range of ids is left', ({ cleanup }) => {
  const etc = join(it.root, 'etc/vserver')
  const { ids } = JSON.parse(readFileSync(it.guest('good', 'meta.json'), 'utf8'))
  const bounds = `ids: { first: ${ids.first}, last: ${ids.first + 65535} }\n`
  mkdirSync(etc, { recursive: true, mode: 0o700 })
  writeFileSync(join(etc, 'vserver.yaml'), bounds)
  cleanup(() => rmSync(join(etc, 'vserver.yaml')))
  assertRefused(it.run(['create', 'new', ...from]), 1, /ids.*no range is free/)
})

test('says that cgroups are not mounted', () => {
  const ran = inPrivateMounts(
    'umount -l -R /sys/fs/cgroup && exec $VSERVER --root $ROOT start good',
  )
  assertRefused(ran, 1, /cgroup/)
})

test('does not imitate the limits of the calling shell', () => {
  const limits = ['nproc=10', 'nofile=20', 'nofile=8', 'memlock=0', 'core=0', 'fsize=512000']
  for (const limit of limits) {
    const ran = runCommand(['prlimit', `--${limit}`, ...it.argv('start', 'good')])
    if (ran.code === 0) it.must('kill', 'good')
    else assertRefused(ran, 1, /limit|EMFILE|descriptors/)
    assertSame(before, snapshot(it.root), limit)
  }
})

test('runs no foreign code for variables of the environment', () => {
  const witness = join(it.scratch, 'witness')
  const script = join(it.scratch, 'evil.cjs')
  writeFileSync(script, `require('node:fs').writeFileSync(${JSON.stringify(witness)}, 'x')`)
  const env = {
    NODE_OPTIONS: `--require ${script}`,
    NODE_PATH: it.scratch,
    NODE_EXTRA_CA_CERTS: '/nonexistent',
    LD_PRELOAD: '/nonexistent/evil.so',
    LD_LIBRARY_PATH: it.scratch,
    LD_AUDIT: '/nonexistent/audit.so',
    OPENSSL_CONF: '/nonexistent/openssl.cnf',
    SSL_CERT_FILE: '/nonexistent/cert.pem',
  }
  for (const args of [['--version'], ['list', '--json'], ['status', 'good'], ['check', '--json']]) {
    const plain = it.run(args)
    const ran = it.run(args, { env })
    assert.is(ran.code, plain.code, ran.stderr)
    assert.is(ran.stdout, plain.stdout)
    assert.is(existsSync(witness), false)
  }
})

test.run()
