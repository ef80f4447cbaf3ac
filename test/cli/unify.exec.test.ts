/**
 * `vserver unify`: what it prints, its exit codes, and the way back.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeTree, program } from './program.ts'

const test = suite('vserver unify', { needs: ['root', 'executor', 'getfattr'], timeoutMs: 120_000 })
const it = program()
test.after(() => it.dispose())
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)

/** What a command prints that must not fail. */
function must(...args: readonly string[]): string {
  const { code, stdout, stderr } = it.run(...args)
  assert.is(code, 0, stderr)
  return stdout
}

/** A stopped guest that has written a file which others have, too, and one that is its own. */
function makeGuest(name: string): void {
  const tree = makeTree(join(it.scratch, `tree-${name}`))
  writeFileSync(join(tree, 'of-the-tree'), name)
  const made = it.run('create', name, '--from', `dir:${tree}`)
  assert.is(made.code, 0, made.stderr)
  const directory = lib('guests', name, 'upper/srv')
  mkdirSync(directory)
  writeFileSync(join(directory, 'same'), 'the same in all'.repeat(1000))
  writeFileSync(join(directory, 'own'), name)
  execFileSync('touch', ['-d', '2024-05-06 07:08:09.123456789', join(directory, 'same'), directory])
}

interface Meta {
  readonly layers: readonly string[]
}

/** Where the shared file of a guest is. */
function same(name: string): string {
  const { layers: [layer = ''] }: Meta = JSON.parse(
    readFileSync(lib('guests', name, 'meta.json'), 'utf8'),
  )
  return lib('layers', layer, 'srv/same')
}

for (const name of ['web', 'db']) makeGuest(name)

test('says what it would save, and then saves it', () => {
  const foreseen = it.run('unify', '--dry-run', '--json')
  assert.is(foreseen.code, 0, foreseen.stderr)
  assert.equal(readdirSync(lib('layers')), [])
  const done = it.run('unify', '--json')
  assert.is(done.code, 0, done.stderr)
  const { saved, guests, failures, dryRun } = JSON.parse(done.stdout)
  assert.equal(saved, JSON.parse(foreseen.stdout).saved)
  assert.ok(saved.inodes >= 1 && saved.bytes >= 16384, JSON.stringify(saved))
  // Each has half of it, to the byte.
  const [more, less, ...others] = guests
  assert.equal(others, [])
  assert.equal([more.name, less.name].toSorted(), ['db', 'web'])
  assert.is(more.bytes + less.bytes, saved.bytes)
  assert.is(more.inodes + less.inodes, saved.inodes)
  assert.ok(more.bytes - less.bytes <= 1, JSON.stringify(guests))
  assert.equal(failures, [])
  assert.is(dryRun, false)
  assert.is(lstatSync(same('web')).ino, lstatSync(same('db')).ino)
  for (const name of ['web', 'db']) {
    assert.equal(readdirSync(lib('guests', name, 'upper/srv')), ['own'])
    const { mtimeNs } = lstatSync(lib('guests', name, 'upper/srv'), { bigint: true })
    assert.is(mtimeNs % 1_000_000_000n, 123_456_789n)
  }
  assert.match(it.run('unify').stdout, /nothing to share\n$/)
})

test('reads what is shared again', () => {
  const { code, stdout } = it.run('unify', '--verify')
  assert.is(code, 0)
  assert.match(stdout, /^read [\d,]+ shared files, .*: all are intact\n$/)
})

test('says what is damaged, with exit code 1', ({ cleanup }) => {
  const file = same('web')
  const before = readFileSync(file)
  const change = (content: Uint8Array) => {
    execFileSync('touch', ['-r', file, join(it.scratch, 'stamp')])
    writeFileSync(file, content)
    execFileSync('touch', ['-r', join(it.scratch, 'stamp'), file])
  }
  cleanup(() => change(before))
  change(Buffer.from(before).fill('x', 100, 101))
  const { code, stdout } = it.run('unify', '--verify')
  assert.is(code, 1)
  assert.match(stdout, /1 are damaged\n {2}damaged: ".*srv\/same"\n {2}damaged: ".*srv\/same"\n/)
})

test('gives a guest files of its own again', () => {
  const shared = lstatSync(same('db'), { bigint: true })
  const undone = it.run('unify', '--undo', 'web')
  assert.is(undone.code, 0, undone.stderr)
  const own = lstatSync(same('web'), { bigint: true })
  assert.is.not(own.ino, shared.ino)
  assert.is(own.nlink, 1n)
  assert.is(own.mtimeNs, shared.mtimeNs)
  assert.equal(readFileSync(same('web')), readFileSync(same('db')))
  assert.match(undone.stdout, /'unify\.exclude=\[\/\]' keeps it so/)
  assert.is(it.run('set', 'web', 'unify.exclude=[/]').code, 0)
  assert.is(it.run('unify').code, 0)
  assert.is.not(lstatSync(same('web')).ino, lstatSync(same('db')).ino)
  assert.is(it.run('set', 'web', '--unset', 'unify.exclude').code, 0)
  assert.is(it.run('unify', '--auto').code, 0)
  assert.is(lstatSync(same('web')).ino, lstatSync(same('db')).ino)
})

test('a dry run sees the same where nothing can be written', ({ cleanup }) => {
  makeGuest('late')
  const foreseen = () => JSON.parse(must('unify', '--dry-run', '--json')).saved
  const before = foreseen()
  assert.ok(before.inodes > 0)
  const shell = (script: string) => execFileSync('/bin/sh', ['-euc', script, 'sh', it.root])
  shell('mount --bind "$1" "$1"')
  cleanup(() => shell('umount "$1"'))
  shell('mount -o remount,ro,bind "$1"')
  assert.equal(foreseen(), before)
})

test('undoing is one JSON value, when it is to be, and a dry run is no less of a result', () => {
  const told: unknown = JSON.parse(must('unify', '--undo', 'web', 'late', '--json'))
  assert.equal(told, [{ name: 'web', layers: 1 }, { name: 'late', layers: 0 }])
  assert.match(must('unify', '--dry-run', '--quiet'), /would save/)
  must('destroy', '--yes', 'late')
})

test('goes on with a move that died between two names of a file', () => {
  makeGuest('linked')
  const directory = lib('guests', 'linked', 'upper/srv')
  linkSync(join(directory, 'same'), join(directory, 'same2'))
  execFileSync('touch', ['-d', '2024-05-06 07:08:09.123456789', directory])
  const before = lstatSync(directory, { bigint: true })
  assert.is(it.run('unify').code, 0)
  const layer = dirname(same('linked'))
  assert.equal(readdirSync(layer).toSorted(), ['same', 'same2'])
  // As it was when only the first had been moved.
  renameSync(join(layer, 'same2'), join(directory, 'same2'))
  const time = { mtimeSec: Number(before.mtimeNs / 1_000_000_000n), mtimeNsec: 123_456_789 }
  writeFileSync(
    lib('guests/linked/move.json'),
    JSON.stringify({
      layer: basename(dirname(layer)),
      directories: [{ path: 'srv', opaque: false, ...time }],
      paths: ['srv/same', 'srv/same2'],
    }),
  )
  assert.is(it.run('set', 'linked', 'autostart=true').code, 0)
  assert.equal(readdirSync(directory), ['own'])
  assert.equal(readdirSync(layer).toSorted(), ['same', 'same2'])
  assert.is(lstatSync(directory, { bigint: true }).mtimeNs, before.mtimeNs)
  assert.not(existsSync(lib('guests/linked/move.json')))
})

test('takes back a move that died before the layer was one of the guest', () => {
  makeGuest('early')
  const directory = lib('guests', 'early', 'upper/srv')
  const opaque = ['-n', 'trusted.overlay.opaque', '-v', 'y', directory]
  execFileSync('setfattr', opaque)
  const before = lstatSync(directory, { bigint: true })
  for (const layer of ['a00000000001', undefined]) {
    if (layer !== undefined) mkdirSync(lib('layers', layer, 'srv'), { recursive: true })
    const time = { mtimeSec: 1, mtimeNsec: 1 }
    writeFileSync(
      lib('guests/early/move.json'),
      JSON.stringify({
        layer: layer ?? 'a00000000002',
        directories: [{ path: 'srv', opaque: true, ...time }],
        paths: ['srv/same'],
      }),
    )
    assert.is(it.run('set', 'early', 'autostart=true').code, 0)
    assert.not(existsSync(lib('guests/early/move.json')))
    assert.equal(readdirSync(directory).toSorted(), ['own', 'same'])
    assert.is(lstatSync(directory, { bigint: true }).mtimeNs, before.mtimeNs)
    const flag = execFileSync('getfattr', ['-n', 'trusted.overlay.opaque', directory])
    assert.match(flag.toString(), /opaque="y"/)
    if (layer !== undefined) rmSync(lib('layers', layer), { recursive: true })
  }
})

test('refuses what it cannot do', () => {
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['nobody'], 4, /"nobody": there is no such guest/],
    [['--undo'], 2, /--undo needs the name of a guest/],
    [['--nope'], 2, /unknown option|--nope/],
  ]
  for (const [words, code, pattern] of cases) {
    const ran = it.run('unify', ...words)
    assert.is(ran.code, code, ran.stderr)
    assert.match(ran.stderr, pattern)
  }
})

test.run()
