import {
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeTree, program, type Ran } from './program.ts'

const test = suite('vserver set', { needs: ['root'], timeoutMs: 60_000 })
const it = program()
test.after(() => it.dispose())
const file = () => join(it.root, 'var/lib/vserver/guests/web/guest.yaml')
const start = '# mine\nfrom: dir:/srv/x # where from\n\n# who waits\nafter:\n  - db # first\n'
test.before(() => {
  const ran = it.run('create', 'web', '--from', `dir:${makeTree(join(it.scratch, 'tree'))}`)
  if (ran.code !== 0) throw new Error(ran.stderr)
})
test.before.each(() => writeFileSync(file(), start))

function refused(ran: Ran, code: number, pattern: RegExp): void {
  assert.is(ran.code, code, ran.stderr)
  assert.match(ran.stderr, pattern)
  assert.is(readFileSync(file(), 'utf8'), start, 'all or nothing')
}

test('changes keys and keeps comments', () => {
  const ran = it.run(
    'set',
    'web',
    'stopTimeout=10s',
    'after+=cache',
    'env.A=b',
    'network.mode=none',
  )
  assert.is(ran.code, 0, ran.stderr)
  assert.is(ran.stdout, 'web changed\n')
  assert.is(
    readFileSync(file(), 'utf8'),
    `${start}  - cache\nstopTimeout: 10s\nenv:\n  A: b\nnetwork:\n  mode: none\n`,
  )
  assert.is(it.run('web', 'set', 'after-=cache', '--unset', 'env.A', '--unset', 'network').code, 0)
  assert.is(it.run('set', 'web', '--unset', 'stopTimeout').code, 0)
  assert.is(readFileSync(file(), 'utf8'), start)
  assert.is(it.run('set', 'web', 'after+=db').stdout, 'web is so already\n')
  assert.is(it.run('set', 'web', 'after+=db', '--quiet').stdout, '')
  const [shown] = JSON.parse(it.run('set', 'web', 'autostart=true', '--json').stdout)
  assert.equal([shown.name, shown.pending], ['web', []])
})

test('takes YAML in flow style', () => {
  const mount = 'mounts+={source: /srv/www, target: /var/www, readOnly: true}'
  assert.is(it.run('set', 'web', mount, 'init=["/bin/sh", "-c", "a b"]').code, 0)
  const { config } = JSON.parse(it.run('config', 'web', '--json').stdout)
  assert.equal(config.mounts, [{ source: '/srv/www', target: '/var/www', readOnly: true }])
  assert.equal(config.init, ['/bin/sh', '-c', 'a b'])
  const same = 'mounts-={target: /var/www, readOnly: true, source: /srv/www}'
  assert.is(it.run('set', 'web', same).code, 0)
  assert.equal(JSON.parse(it.run('config', 'web', '--json').stdout).config.mounts, [])
})

test('changes all or nothing', () => {
  const set = (...words: readonly string[]) => it.run('set', 'web', ...words)
  refused(set('autostart=true', 'stopTimeout=10'), 2, /"stopTimeout": expected a time/)
  refused(
    set('autostart=true', 'stopTimout=10s'),
    2,
    /is not a key\n {2}did you mean "stopTimeout"/,
  )
  refused(set('autostart=true', 'after-=nobody'), 2, /"after" does not hold "nobody"/)
  refused(set('autostart=true', 'hostname+=x', 'from+=x'), 2, /"from" is no list/)
  refused(set('autostart=true', 'env=[}'), 2, /the value of env is not YAML/)
  refused(set('autostart'), 2, /"autostart" is not KEY=VALUE/)
  refused(set('__proto__.x=1'), 2, /is not a key/)
  refused(set(), 2, /there is nothing to change/)
  refused(it.run('set', 'nobody', 'autostart=true'), 4, /there is no such guest/)
})

test('refuses what is no key, and what would be a cycle, and names what is no guest', ({ cleanup }) => {
  const refused = (words: readonly string[], code: number, pattern: RegExp) => {
    const ran = it.run('set', 'web', ...words)
    assert.is(ran.code, code, ran.stdout)
    assert.match(ran.stderr, pattern)
  }
  const file = join(it.root, 'var/lib/vserver/guests/web/guest.yaml')
  const before = readFileSync(file, 'utf8')
  cleanup(() => writeFileSync(file, before))
  writeFileSync(file, 'from: dir:/srv/x\n')
  refused(['--unset', 'nope'], 2, /"nope" is not a key\n {2}the keys are: /)
  refused(['--unset', 'stopTimout'], 2, /did you mean "stopTimeout"/)
  refused(
    ['env.FOO='],
    2,
    /env\.FOO= has no value\n {2}'env\.FOO=""' is an empty text, --unset env\.FOO/,
  )
  refused(['after=[web]'], 2, /web comes after web/)
  assert.is(it.run('set', 'web', '--unset', 'hostname', '--unset', 'env.A').code, 0)
  const ran = it.run('set', 'web', 'after=[nobody-yet]')
  assert.is(ran.code, 0)
  assert.match(ran.stderr, /there is no guest "nobody-yet"/)
})

test('from in the file changes nothing, and a broken file is a problem that status shows', ({ cleanup }) => {
  const file = join(it.root, 'var/lib/vserver/guests/web/guest.yaml')
  const before = readFileSync(file, 'utf8')
  cleanup(() => writeFileSync(file, before))
  const record = join(it.root, 'var/lib/vserver/guests/web/meta.json')
  const meta = readFileSync(record, 'utf8')
  cleanup(() => writeFileSync(record, meta))
  writeFileSync(record, JSON.stringify({ ...JSON.parse(meta), from: 'dir:/srv/tree' }))
  const [was] = JSON.parse(it.run('status', 'web', '--json').stdout)
  assert.is(was.problem, undefined)
  assert.is(was.from, 'dir:/srv/tree')
  writeFileSync(file, 'from: dir:/elsewhere\n')
  assert.is(JSON.parse(it.run('status', 'web', '--json').stdout)[0].from, 'dir:/srv/tree')
  writeFileSync(file, 'nonsense: 1\n')
  const shown = it.run('status', 'web')
  assert.is(shown.code, 0, shown.stderr)
  assert.match(
    shown.stdout,
    /\n {2}problem +Cannot use ".*guest\.yaml": line 1.*"nonsense" is not a key\n/,
  )
  assert.match(JSON.parse(it.run('status', 'web', '--json').stdout)[0].problem, /"nonsense"/)
  const listed = it.run('list')
  assert.match(listed.stdout, /^web /m)
  assert.match(listed.stderr, /"nonsense" is not a key/)
})

test('leaves a link where it is, and changes what it leads to', () => {
  const target = join(it.scratch, 'kept.yaml')
  renameSync(file(), target)
  symlinkSync(target, file())
  assert.is(it.run('set', 'web', 'autostart=true').code, 0)
  assert.ok(lstatSync(file()).isSymbolicLink())
  assert.match(readFileSync(target, 'utf8'), /autostart: true/)
  renameSync(target, file())
})

test('config shows the file, and where each value comes from', () => {
  assert.is(it.run('config', 'web').stdout, start)
  const table = it.run('config', 'web', '--effective').stdout
  assert.match(table, /^KEY +VALUE +FROM\n/)
  assert.match(table, /^from +dir:\/srv\/x +line 2$/m)
  assert.match(table, /^after +\["db"\] +line 5$/m)
  assert.match(table, /^stopTimeout +30s +default$/m)
  assert.match(table, /^hostname +web +default$/m)
  const { values } = JSON.parse(it.run('config', 'web', '--effective', '--json').stdout)
  assert.equal(values[0], {
    key: 'from',
    value: 'dir:/srv/x',
    origin: { kind: 'file', line: 2 },
  })
  assert.is(JSON.parse(it.run('config', '--schema').stdout).type, 'object')
  assert.is(it.run('config').code, 2)
  writeFileSync(file(), 'foo: 1\n')
  assert.is(it.run('config', 'web').stdout, 'foo: 1\n', 'a broken file is shown')
  assert.is(it.run('config', 'web', '--effective').code, 2)
  assert.is(it.run('set', 'web', '--unset', 'foo').code, 0, 'and can be mended')
})

test('rename moves the directory, the claim and the host name, and tells who refers to it', () => {
  const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
  const tree = makeTree(join(it.scratch, 'named'))
  writeFileSync(join(tree, 'etc-marker'), '')
  assert.is(it.run('create', 'db', '--from', `dir:${tree}`, '--set', 'after=[web]').code, 0)
  const before = readFileSync(lib('guests/web/meta.json'), 'utf8')
  const ran = it.run('rename', 'web', 'www')
  assert.is(ran.code, 0, ran.stderr)
  assert.is(ran.stdout, 'web is now www\n')
  assert.match(ran.stderr, /db still comes after web: vserver set db after-=web after\+=www/)
  assert.is(readFileSync(lib('guests/www/meta.json'), 'utf8'), before)
  assert.not(existsSync(lib('guests/web')))
  assert.not(existsSync(join(it.root, 'run/vserver/guests/web')))
  assert.is(it.run('rename', 'www', 'db').code, 1)
  assert.is(it.run('rename', 'www', 'set').code, 2)
  assert.is(it.run('rename', 'web', 'x').code, 4)
  assert.is(it.run('rename', 'www', 'web', '--quiet').stdout, '')
  assert.is(it.run('destroy', '--all', '--yes').stdout, 'db destroyed\nweb destroyed\n')
})

test.run()
