import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeTree, program, type Ran } from './program.ts'

const test = suite('vserver create', { needs: ['root'], timeoutMs: 60_000 })
const it = program()
test.after(() => it.dispose())
const tree = makeTree(join(it.scratch, 'tree'))
const from = ['--from', `dir:${tree}`]
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)

function assertRefused(ran: Ran, code: number, pattern: RegExp): void {
  assert.is(ran.code, code, ran.stderr)
  assert.match(ran.stderr, /^vserver: Cannot /m)
  assert.match(ran.stderr, /^vserver: /)
  assert.match(ran.stderr, pattern)
}

test('makes a guest, its template and its claim, all closed to others', ({ cleanup }) => {
  cleanup(() => it.run('destroy', 'web', '--yes'))
  const ran = it.run('create', 'web', ...from, '--set', 'stopTimeout=3s')
  assert.is(ran.code, 0, ran.stderr)
  assert.is(ran.stdout, 'web created\n')
  for (const path of [lib(), lib('guests'), lib('templates'), lib('guests/web')]) {
    assert.is(lstatSync(path).mode & 0o7777, 0o700, path)
  }
  assert.is(lstatSync(lib('guests/web/upper')).mode & 0o7777, 0o755)
  const meta: { template: string; ids: { first: number } } = JSON.parse(
    readFileSync(lib('guests/web/meta.json'), 'utf8'),
  )
  assert.match(meta.template, /^dir-tree-[0-9a-f]{12}$/)
  assert.ok(existsSync(lib('templates', meta.template, 'proc')), 'mount points are made')
  const claim = `/var/lib/vserver/ids/${meta.ids.first}`
  assert.is(readlinkSync(claim), lib('guests/web'))
  const destroyed = it.run('destroy', 'web', '--yes')
  assert.is(destroyed.stdout, 'web destroyed\n')
  assert.not(existsSync(claim))
  assert.equal(readdirSync(lib('guests')), [])
  assert.equal(readdirSync(join(it.root, 'run/vserver/guests')), [])
})

test('gives a guest a host name of its own, where the tree has one', ({ cleanup }) => {
  cleanup(() => it.run('destroy', 'named', '--yes'))
  const named = makeTree(join(it.scratch, 'named'))
  mkdirSync(join(named, 'etc'), { mode: 0o755 })
  symlinkSync('/etc/passwd', join(named, 'etc/hostname'))
  const set = ['--set', 'hostname=web.example']
  assert.is(it.run('create', 'named', '--from', `dir:${named}`, ...set).code, 0)
  const file = lib('guests/named/upper/etc/hostname')
  assert.is(readFileSync(file, 'utf8'), 'web.example\n')
  assert.is(lstatSync(file).mode & 0o7777, 0o644)
})

test('uses a template again', ({ cleanup }) => {
  cleanup(() => it.run('destroy', 'a', 'b', '--yes'))
  assert.is(it.run('create', 'a', ...from, '--json').code, 0)
  const before = readdirSync(lib('templates'))
  const ran = it.run('create', 'b', ...from)
  assert.is(ran.code, 0, ran.stderr)
  assert.equal(readdirSync(lib('templates')), before)
  assert.not(/copy/.test(ran.stderr), 'nothing was copied')
})

test('two commands make one template at once, and one guest', async ({ cleanup }) => {
  cleanup(() => it.run('destroy', 'c', '--yes'))
  const other = makeTree(join(it.scratch, 'other'))
  for (let i = 0; i < 300; i++) writeFileSync(join(other, `f${i}`), 'x')
  const source = ['--from', `dir:${other}`]
  const both = [it.start('create', 'c', ...source), it.start('create', 'c', ...source)]
  const ran = await Promise.all(both.map(({ ended }) => ended))
  assert.equal(ran.map(({ code }) => code).toSorted(), [0, 1], ran.map((one) => one.stderr).join())
  assert.match(ran.find(({ code }) => code === 1)?.stderr ?? '', /there is a guest of this name/)
})

test('refuses keys and values before anything is made', () => {
  const before = readdirSync(lib('templates'))
  assertRefused(it.run('create', 'new', ...from, '--set', 'limitz=1'), 2, /"limitz" is not a key/)
  assertRefused(it.run('create', 'new', ...from, '--set', 'stopTimeout=10'), 2, /such as 500ms/)
  assertRefused(it.run('create', 'new', ...from, '--set', 'init=bin/x'), 2, /absolute/)
  assertRefused(
    it.run('create', 'new', '--from', 'debain:x'),
    2,
    /does not start with (\w+: or )+tar:/,
  )
  assertRefused(it.run('create', 'new'), 2, /--from is missing/)
  assert.equal(readdirSync(lib('templates')), before)
  assert.equal(readdirSync(lib('guests')), [])
})

test('refuses a tree without init, and leaves no template of it', () => {
  const bare = makeTree(join(it.scratch, 'bare'))
  rmSync(join(bare, 'usr/bin/init'))
  assertRefused(it.run('create', 'new', '--from', `dir:${bare}`), 1, /it has no init/)
  assert.not(readdirSync(lib('templates')).some((name) => name.includes('bare')))
  assert.equal(readdirSync(join(it.root, 'run/vserver/guests')), [])
})

test('follows no link out of the tree', () => {
  const linked = makeTree(join(it.scratch, 'linked'))
  rmSync(join(linked, 'sbin/init'))
  symlinkSync('../../../../../../../../bin/true', join(linked, 'sbin/init'))
  assertRefused(it.run('create', 'new', '--from', `dir:${linked}`), 1, /it has no init/)
  symlinkSync('/proc', join(linked, 'etc'))
  assertRefused(
    it.run('create', 'new', '--from', `dir:${linked}`),
    1,
    /"\/etc" must be a directory/,
  )
})

const unfinished = () => readdirSync(lib('templates')).filter((name) => name.startsWith('.new-'))

/** Waits until a command has begun to make a template. */
async function begun(): Promise<void> {
  for (let tries = 0; unfinished().length === 0; tries++) {
    if (tries > 2000) throw new Error('no template is being made')
    await sleep(5)
  }
}

test('cleans up what a killed create left', async ({ cleanup }) => {
  cleanup(() => it.run('destroy', 'k', '--yes'))
  const big = makeTree(join(it.scratch, 'big'))
  for (let i = 0; i < 3000; i++) writeFileSync(join(big, `f${i}`), 'x'.repeat(3000))
  for (const ms of [0, 20, 60]) {
    const { kill, ended } = it.start('create', 'k', '--from', `dir:${big}`)
    await begun()
    await sleep(ms)
    kill('SIGKILL')
    await ended
    // The executor of the killed command notices, and lets go of its locks.
    await sleep(300)
    assert.is(it.run('list').code, 0)
    const hidden = [...readdirSync(lib('templates')), ...readdirSync(lib('guests'))]
      .filter((name) => name.startsWith('.'))
    assert.equal(hidden, [], `after ${ms} ms`)
  }
})

test('ends with 130 after ^C, and leaves nothing', async () => {
  const { kill, ended } = it.start('create', 'i', '--from', `dir:${join(it.scratch, 'big')}`)
  await begun()
  await sleep(30)
  kill('SIGINT')
  const { code, stderr } = await ended
  assert.is(code, 130, stderr)
  assert.equal(unfinished(), [])
  assert.equal(readdirSync(lib('guests')), [])
  assert.equal(readdirSync(join(it.root, 'run/vserver/guests')), [])
})

test('refuses unsafe state directories, and says what to do', () => {
  const unsafe = (prepare: (directory: string) => void): Ran => {
    const root = join(it.scratch, `unsafe-${Math.random()}`)
    mkdirSync(join(root, 'var/lib/vserver'), { recursive: true, mode: 0o700 })
    prepare(join(root, 'var/lib/vserver'))
    return it.run('--root', root, 'create', 'x', ...from)
  }
  assertRefused(unsafe((path) => chmodSync(path, 0o755)), 1, /others can get in[^]*chmod 0700/)
  assertRefused(unsafe((path) => mkdirSync(join(path, 'guests'), { mode: 0o711 })), 1, /mode 0711/)
  assertRefused(unsafe((path) => symlinkSync('/tmp', join(path, 'guests'))), 1, /symbolic link/)
  assertRefused(unsafe((path) => writeFileSync(join(path, 'templates'), '')), 1, /not a directory/)
  assertRefused(unsafe((path) => writeFileSync(join(path, 'format'), '2\n')), 1, /knows format 1/)
})

test.run()
