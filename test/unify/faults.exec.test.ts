import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { inRepository } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { errno } from '../../core/linux/errno.ts'
import { makeForest } from './forest.ts'
import { assertTidy, type Lab, openLab, treeAt } from './lab.ts'
import { assertSame, assertUnified, type Manifest, manifest } from './manifest.ts'
import { random } from './random.ts'

const test = suite('unify, when something fails', {
  needs: ['root', 'executor', 'getfattr', 'setfacl', 'perl'],
  timeoutMs: 90_000,
})

const everything = () => true

/** Trees with a few equal files, outside of what is left alone. */
function few(lab: Lab, ...names: readonly string[]): Manifest {
  for (const name of names) {
    lab.sh(`
      mkdir -p ${name}/usr/lib ${name}/opt
      for i in 1 2 3 4 5; do echo $i > ${name}/usr/lib/$i; echo $i > ${name}/opt/$i; done
      touch -d @1 ${name}/usr/lib/* ${name}/opt/*; touch -d @2.000000003 ${name}/usr/lib ${name}/opt
    `)
  }
  return manifest(...names.map((name) => lab.at(name)))
}

/** A file system of its own, in a file. */
async function openDisk(context: TestContext, { mib, options }: { mib: number; options: string }) {
  const outer = await openLab(context)
  outer.sh(`
    truncate -s ${mib}M image; mkfs.ext4 -q ${options} image; mkdir disk; mount -o loop image disk
  `)
  context.cleanup(() => outer.sh('mount | grep -q "$PWD/disk " && umount disk || true'))
  const lab = await openLab(context, outer.at('disk'))
  return { outer, lab }
}

for (const [what, damage] of [
  ['is lost', () => undefined],
  ['is nothing but zeroes', (size: number) => Buffer.alloc(size)],
  ['is empty', () => Buffer.alloc(0)],
  ['ends too early', (size: number, was: Buffer) => was.subarray(0, size / 2)],
  ['begins too late', (_: number, was: Buffer) => was.subarray(100)],
  ['has other bytes in between', (size: number, was: Buffer) => {
    const bytes = Buffer.from(was)
    for (let at = 4096; at < size; at += 1000) bytes.fill(0xa5, at, at + 300)
    return bytes
  }],
] as const) {
  test(`an index that ${what} is made anew`, async (context) => {
    const lab = await openLab(context)
    const before = few(lab, 'a', 'b')
    const trees = [lab.tree('a'), lab.tree('b')]
    await lab.run(trees)
    const now = manifest(lab.at('a'), lab.at('b'))
    const was = readFileSync(lab.index)
    lab.sh('rm index.sqlite*')
    const bytes = damage(was.length, was)
    if (bytes !== undefined) writeFileSync(lab.index, bytes)
    for (const [path, entry] of few(lab, 'c')) (before as Map<string, typeof entry>).set(path, entry)
    trees.push(lab.tree('c'))
    for (let i = 0; i < 2; i++) {
      const result = await lab.run(trees)
      assert.equal(result.failures, [])
    }
    const all = manifest(...['a', 'b', 'c'].map((name) => lab.at(name)))
    assertSame(all, before)
    assertUnified(all, everything)
    for (const [path, { ino }] of now) assert.is(all.get(path)?.ino, ino)
  })
}

test('an index of another schema is put aside', async (context) => {
  const lab = await openLab(context)
  few(lab, 'a', 'b')
  for (const text of [
    'CREATE TABLE tree (name TEXT); PRAGMA user_version = 1',
    'CREATE TABLE file (ino TEXT); PRAGMA user_version = 1',
    'CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID; PRAGMA user_version = 7',
  ]) {
    const { DatabaseSync } = await import('node:sqlite')
    lab.sh('rm -rf index.sqlite*')
    const database = new DatabaseSync(lab.index)
    database.exec(text)
    database.close()
    assert.equal((await lab.run([lab.tree('a'), lab.tree('b')])).failures, [], text)
    assert.is((await lab.run([lab.tree('a'), lab.tree('b')])).trees, 0, text)
  }
})

test('an object whose content has changed replaces nothing', async (context) => {
  const lab = await openLab(context)
  few(lab, 'a', 'b')
  await lab.run([lab.tree('a'), lab.tree('b')])
  const rotten = statSync(lab.at('a/opt/1'))
  // As a disk does it: the size and the time stay.
  lab.sh('printf x | dd of=a/opt/1 conv=notrunc status=none; touch -d @1 a/opt/1')
  for (const lost of [false, true]) {
    const name = lost ? 'd' : 'c'
    const before = few(lab, name)
    if (lost) lab.sh('rm index.sqlite*')
    const trees = ['a', 'b', 'c', name].map(lab.tree)
    const result = await lab.run(trees)
    assert.equal(result.failures, [])
    assertSame(manifest(lab.at(name)), before)
    assert.is.not(statSync(lab.at(name, 'opt/1')).ino, rotten.ino)
    assert.is(statSync(lab.at(name, 'opt/1')).ino, statSync(lab.at('c/opt/1')).ino)
    assert.is(statSync(lab.at(name, 'opt/2')).ino, statSync(lab.at('a/opt/2')).ino)
  }
})

test('an object whose owner has changed replaces nothing when the index is lost', async (context) => {
  const lab = await openLab(context)
  few(lab, 'a', 'b')
  await lab.run([lab.tree('a'), lab.tree('b')])
  lab.sh('chown 77 a/opt/1; rm -r b index.sqlite*')
  const before = few(lab, 'c', 'd')
  assert.equal((await lab.run(['a', 'c', 'd'].map(lab.tree))).failures, [])
  const now = manifest(lab.at('c'), lab.at('d'))
  assertSame(now, before)
  assertUnified(now, everything)
})

for (const text of ['', '[', '{}', 'null', '[{"tree":1}]', '[{}]', '\0\0\0', `[{"tree":"/x","directory":"a","mtimeSec":1.5,"mtimeNsec":0}]`]) {
  test(`a journal that says ${JSON.stringify(text)} stops nothing`, async (context) => {
    const lab = await openLab(context)
    const before = few(lab, 'a', 'b')
    mkdirSync(lab.store)
    writeFileSync(join(lab.store, '.journal'), text)
    writeFileSync(join(lab.store, '.journal.new'), 'x')
    await lab.run([lab.tree('a'), lab.tree('b')])
    assertSame(manifest(lab.at('a'), lab.at('b')), before)
    assert.not(existsSync(join(lab.store, '.journal')))
    assert.not(existsSync(join(lab.store, '.journal.new')))
  })
}

test('a journal tells when directories were modified, as far as they are there', async (context) => {
  const lab = await openLab(context)
  const before = few(lab, 'a')
  mkdirSync(lab.store)
  const of = (tree: string, directory: string) =>
    ({ tree: lab.at(tree), directory, mtimeSec: 2, mtimeNsec: 3 })
  const entries = [of('gone', ''), of('a', 'opt/1/x'), of('a', 'no'), of('a', 'usr/lib'), of('a', 'opt')]
  writeFileSync(join(lab.store, '.journal'), JSON.stringify(entries))
  lab.sh('touch a/usr/lib a/opt')
  await lab.run([])
  assertSame(manifest(lab.at('a')), before)
  assertTidy(lab.store)
})

test('a full disk stops at no half', async (context) => {
  const { outer, lab } = await openDisk(context, { mib: 4, options: '-b 1024 -N 200 -m 0' })
  const before = new Map(few(lab, 'a', 'b'))
  // The store has no directory yet: every one takes a block.
  lab.sh('mkdir store; mkdir store/0{0,1,2,3}')
  lab.sh('dd if=/dev/zero of=fill bs=1k status=none || true')
  let failed = ''
  try {
    await lab.run([lab.tree('a'), lab.tree('b')])
  } catch (error) {
    failed = String(error)
  }
  assert.match(failed, /ENOSPC|full/)
  assertSame(manifest(lab.at('a'), lab.at('b')), before)
  lab.sh('rm fill')
  assert.equal((await lab.run([lab.tree('a'), lab.tree('b')])).failures, [])
  // Objects with room for their names only in some directories of the store.
  for (const [path, entry] of few(lab, 'c', 'd')) before.set(path, entry)
  lab.sh('for i in $(seq 60); do echo $i > c/opt/n$i; cp c/opt/n$i d/opt; done; touch -d @1 c/opt/n* d/opt/n*')
  lab.sh('touch -d @2.000000003 c/opt d/opt')
  const all = manifest(...['a', 'b', 'c', 'd'].map((name) => lab.at(name)))
  lab.sh('for i in $(seq 400); do touch fill$i 2>/dev/null || break; done; dd if=/dev/zero of=fill bs=1k status=none || true')
  const trees = ['a', 'b', 'c', 'd'].map(lab.tree)
  try {
    const { failures } = await lab.run(trees)
    assert.ok(failures.every(({ errno: code }) => code === errno.ENOSPC), JSON.stringify(failures.map((f) => f.errno)))
  } catch (error) {
    assert.match(String(error), /ENOSPC|full/)
  }
  assertSame(manifest(...trees.map(({ path }) => path)), all)
  lab.sh('rm fill*')
  assert.equal((await lab.run(trees)).failures, [])
  const now = manifest(...trees.map(({ path }) => path))
  assertSame(now, all)
  assertUnified(now, everything)
  assertTidy(lab.store)
  await lab.session.close()
  outer.sh('umount disk; fsck.ext4 -fn image')
}, { needs: ['mkfs.ext4', 'losetup'] })

test('a file system that cannot be written to', async (context) => {
  const { outer, lab } = await openDisk(context, { mib: 8, options: '' })
  const before = few(lab, 'a', 'b')
  lab.sh('mkdir store')
  outer.sh('mount -o remount,ro disk')
  context.cleanup(() => outer.sh('mount -o remount,rw disk'))
  let failed = ''
  try {
    await lab.run([lab.tree('a'), lab.tree('b')])
  } catch (error) {
    failed = String(error)
  }
  assert.match(failed, /EROFS|read-only/)
  assertSame(manifest(lab.at('a'), lab.at('b')), before)
}, { needs: ['mkfs.ext4', 'losetup'] })

test('more names than an inode can have', async (context) => {
  const { outer, lab } = await openDisk(context, { mib: 64, options: '-O ^dir_nlink -N 70000' })
  // Names that the inode has outside of what is looked at leave few.
  lab.sh(`
    mkdir a b c full; for t in a b c; do for i in $(seq 12); do echo same > $t/$i; done; done
    touch -d @1 a/* b/* c/*
  `)
  const before = manifest(lab.at('a'), lab.at('b'), lab.at('c'))
  await lab.run([lab.tree('a')])
  lab.sh(`cd full; perl -e 'for (1..64985) { link("../a/1", $_) or die $! }'`)
  assert.is(statSync(lab.at('a/1')).nlink, 64_998)
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assert.equal(result.failures, [])
  const inos = () =>
    new Set([...manifest(lab.at('a'), lab.at('b'), lab.at('c')).values()].map(({ ino, isFile }) => isFile ? ino : 0n)).size - 1
  assert.is(inos(), 14, 'the full one, another, and the twelve of c')
  // The second one is met again: from the index, without it, and as what a run that died has made.
  for (const how of ['index', 'lost', 'died']) {
    if (how === 'lost') lab.sh('rm index.sqlite*')
    if (how === 'died') {
      lab.sh(`for i in $(seq 12); do cp --remove-destination -p c/$i c/new; mv c/new c/$i; done; rm index.sqlite*`)
      // All that the run knows is the object that is full.
      await lab.run([lab.tree('a')])
    }
    const { failures } = await lab.run(['a', 'b', 'c'].map(lab.tree))
    assert.equal(failures, [], how)
    assert.is(inos(), 2, how)
  }
  const now = manifest(lab.at('a'), lab.at('b'), lab.at('c'))
  for (const [path, { line, isFile }] of before) if (isFile) assert.is(now.get(path)?.line, line, path)
  assertTidy(lab.store)
  await lab.session.close()
  outer.sh('umount disk; fsck.ext4 -fn image')
}, { needs: ['mkfs.ext4', 'losetup', 'perl'] })

test('files that change meanwhile are left alone', async (context) => {
  const lab = await openLab(context)
  const before = new Map(few(lab, 'a', 'b'))
  let done = false
  const result = await lab.run([lab.tree('a'), lab.tree('b')], {
    progress: ({ phase }) => {
      if (phase !== 'list trees' || done) return
      done = true
      setImmediate(() => undefined)
    },
    moveOut: () => Promise.resolve(new Map()),
  })
  assert.equal(result.failures, [])
  assertSame(manifest(lab.at('a'), lab.at('b')), before)
})

/**
 * A run in a process of its own, killed somewhere; the next one ends what it has begun. The moments are
 * spread over a run's time, and over its changes of the host.
 */
test('runs that are killed leave trees as they were, and the next one converges', async (context) => {
  const lab = await openLab(context)
  const r = random(20)
  const master = lab.at('master')
  mkdirSync(master)
  makeForest([join(master, 'a'), join(master, 'b')], { seed: 20, files: 60 })
  const driver = inRepository('test/unify/driver.ts')
  const hook = inRepository('test/cli/kill_at.ts')
  const start = (at: number, dir: string) =>
    spawn(process.execPath, ['--import', hook, driver, dir], {
      env: { ...process.env, VSERVER_TEST_KILL_AT: String(at) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const fresh = (dir: string) => lab.sh(`rm -rf ${dir}; cp -a master ${dir}`)
  fresh('count')
  const counting = start(0, lab.at('count'))
  let said = ''
  counting.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  assert.equal(await once(counting, 'close'), [0, null], said)
  const changes = Number(/changes: (\d+)/.exec(said)?.[1])
  assert.ok(changes > 10, said)
  const before = manifest(master)
  fresh('trial')
  const roots = [lab.at('trial/a'), lab.at('trial/b')]
  const expected = new Map([...before].map(([path, entry]) => [path.replace('/master', '/trial'), entry]))
  expected.delete(lab.at('trial'))
  const store = lab.at('trial/store')
  const index = lab.at('trial/index.sqlite')
  for (let at = 1; at < changes; at += 1 + r.below(2)) {
    const child = start(at, lab.at('trial'))
    await once(child, 'close')
    assert.is(child.signalCode, 'SIGKILL', String(at))
    const { failures } = await lab.run(roots.map(treeAt), { ...{ store, index } })
    assert.equal(failures, [], String(at))
    const now = manifest(...roots)
    assertSame(now, expected, String(at))
    assertTidy(store)
    fresh('trial')
  }
})

test.run()
