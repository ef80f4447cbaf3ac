import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { inRepository } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { errno } from '../../core/linux/errno.ts'
import { defaultExcludes, makeExclude } from '../../core/unify/exclude.ts'
import { makeForest } from './forest.ts'
import { assertTidy, type Lab, openLab, runUnify, treeAt } from './lab.ts'
import { assertSame, assertUnified, type Manifest, manifest } from './manifest.ts'
import { random } from './random.ts'

const test = suite('unify, when something fails', {
  needs: ['root', 'executor', 'getfattr', 'setfacl', 'perl'],
  timeoutMs: 90_000,
})

const everything = () => true
/** `VSERVER_TEST_KILLS=100` tries as many moments in each test. */
const kills = Number(process.env['VSERVER_TEST_KILLS'] ?? '12')
const { path: isExcluded } = makeExclude(defaultExcludes)

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

for (
  const [what, damage] of [
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
  ] as const
) {
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
    for (const [path, entry] of few(lab, 'c')) {
      ;(before as Map<string, typeof entry>).set(path, entry)
    }
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
  for (
    const text of [
      'CREATE TABLE tree (name TEXT); PRAGMA user_version = 1',
      'CREATE TABLE file (ino TEXT); PRAGMA user_version = 1',
      'CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID; PRAGMA user_version = 7',
    ]
  ) {
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
    const trees = [...new Set(['a', 'b', 'c', name])].map(lab.tree)
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

for (
  const text of [
    '',
    '[',
    '{}',
    'null',
    '[{"tree":1}]',
    '[{}]',
    '\0\0\0',
    `[{"tree":"/x","directory":"a","mtimeSec":1.5,"mtimeNsec":0}]`,
  ]
) {
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
  const of = (tree: string, directory: string) => ({
    tree: lab.at(tree),
    directory,
    mtimeSec: 2,
    mtimeNsec: 3,
  })
  const entries = [
    of('gone', ''),
    of('a', 'opt/1/x'),
    of('a', 'no'),
    of('a', 'usr/lib'),
    of('a', 'opt'),
  ]
  writeFileSync(join(lab.store, '.journal'), JSON.stringify(entries))
  lab.sh('touch a/usr/lib a/opt')
  await lab.run([])
  assertSame(manifest(lab.at('a')), before)
  assertTidy(lab.store)
})

test('a full disk stops at no half', async (context) => {
  const { lab } = await openDisk(context, { mib: 4, options: '-b 1024 -N 2000 -m 0' })
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
  assert.match(failed, /ENOSPC|full|I\/O error/)
  assertSame(manifest(lab.at('a'), lab.at('b')), before)
  lab.sh('rm fill')
  assert.equal((await lab.run([lab.tree('a'), lab.tree('b')])).failures, [])
  // Objects with room for their names only in some directories of the store.
  for (const [path, entry] of few(lab, 'c', 'd')) before.set(path, entry)
  lab.sh(
    'for i in $(seq 60); do echo $i > c/opt/n$i; cp c/opt/n$i d/opt; done; touch -d @1 c/opt/n* d/opt/n*',
  )
  lab.sh('touch -d @2.000000003 c/opt d/opt')
  const all = manifest(...['a', 'b', 'c', 'd'].map((name) => lab.at(name)))
  lab.sh(
    'for i in $(seq 400); do touch fill$i 2>/dev/null || break; done; dd if=/dev/zero of=fill bs=1k status=none || true',
  )
  const trees = ['a', 'b', 'c', 'd'].map(lab.tree)
  try {
    const { failures } = await lab.run(trees)
    assert.ok(
      failures.every(({ errno: code }) => code === errno.ENOSPC),
      JSON.stringify(failures.map((f) => f.errno)),
    )
  } catch (error) {
    assert.match(String(error), /ENOSPC|full|I\/O error/, String(error))
  }
  assertSame(manifest(...trees.map(({ path }) => path)), all)
  lab.sh('rm fill*')
  assert.equal((await lab.run(trees)).failures, [])
  const now = manifest(...trees.map(({ path }) => path))
  assertSame(now, all)
  assertUnified(now, everything)
  assertTidy(lab.store)
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
  assert.is.not(failed, '')
  assertSame(manifest(lab.at('a'), lab.at('b')), before)
}, { needs: ['mkfs.ext4', 'losetup'] })

test('more names than an inode can have', async (context) => {
  const { lab } = await openDisk(context, { mib: 64, options: '-O ^dir_nlink -N 70000' })
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
    new Set(
      [...manifest(lab.at('a'), lab.at('b'), lab.at('c')).values()].map(({ ino, isFile }) =>
        isFile ? ino : 0n
      ),
    ).size - 1
  assert.is(inos(), 14, 'the full one, another, and the twelve of c')
  // The second one is met again: from the index, without it, and as what a run that died has made.
  for (const how of ['index', 'lost', 'died']) {
    if (how === 'lost') lab.sh('rm index.sqlite*')
    if (how === 'died') {
      lab.sh(
        `for i in $(seq 12); do cp --remove-destination -p c/$i c/new; mv c/new c/$i; done; rm index.sqlite*`,
      )
      // All that the run knows is the object that is full.
      await lab.run([lab.tree('a')])
    }
    const { failures } = await lab.run(['a', 'b', 'c'].map(lab.tree))
    assert.equal(failures, [], how)
    assert.is(inos(), 2, how)
  }
  const now = manifest(lab.at('a'), lab.at('b'), lab.at('c'))
  for (const [path, { line, isFile }] of before) {
    if (isFile) assert.is(now.get(path)?.line, line, path)
  }
  assertTidy(lab.store)
}, { needs: ['mkfs.ext4', 'losetup', 'perl'] })

/** What is run again and again: the same trees, and a process of its own that can be killed. */
function openTrial(lab: Lab, seed: number) {
  makeForest([lab.at('master/a'), lab.at('master/b')], { seed, files: 30 })
  const at = (name: string) => lab.at('trial', name)
  const roots = [at('a'), at('b')]
  let expected: Manifest | undefined
  const driver = inRepository('test/unify/driver.ts')
  const hook = inRepository('test/cli/kill_at.ts')
  return {
    fresh() {
      // The directories of the store stay: making them takes longer than all else.
      lab.sh(`
        rm -rf trial/a trial/b trial/index* trial/store/.[a-z]*; mkdir -p trial
        if [ -e trial/store ]; then find trial/store -type f -delete; fi; cp -a master/* trial
      `)
      expected ??= manifest(...roots)
    },
    /** Kills itself before its n-th change of the host; 0: never, and tells how many there were. */
    start: (killAt?: number) =>
      spawn(
        process.execPath,
        [...killAt === undefined ? [] : ['--import', hook], driver, lab.at('trial')],
        {
          env: { ...process.env, VSERVER_TEST_KILL_AT: String(killAt ?? '') },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      ),
    async converge(message: string) {
      const { failures } = await runUnify(lab.session, {
        trees: roots.map(treeAt),
        store: at('store'),
        index: at('index.sqlite'),
      })
      assert.equal(failures, [], message)
      const now = manifest(...roots)
      assertSame(now, expected ?? now, message)
      assertUnified(now, (path) => !isExcluded(path.slice(path.indexOf('/trial/') + 9)))
      assertTidy(at('store'))
    },
  }
}

test(
  'a run that is killed before any of its changes leaves nothing that the next one does not end',
  async (context) => {
    const lab = await openLab(context)
    const trial = openTrial(lab, 20)
    trial.fresh()
    await trial.converge('not killed')
    trial.fresh()
    const counting = trial.start(0)
    let said = ''
    counting.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    assert.equal(await once(counting, 'close'), [0, null], said)
    const changes = Number(/changes: (\d+)/.exec(said)?.[1])
    assert.ok(changes > 15, said)
    const r = random(Number(process.env['VSERVER_TEST_SEED'] ?? '20'))
    const moments = Array.from({ length: kills }, () => 1 + r.below(changes))
    for (const at of moments) {
      trial.fresh()
      const child = trial.start(at)
      await once(child, 'close')
      assert.is(child.signalCode, 'SIGKILL', String(at))
      await trial.converge(`killed before change ${at} of ${changes}`)
    }
  },
  { timeoutMs: 60_000 + kills * 5000 },
)

test('a run whose executor is killed at any time, too', async (context) => {
  const lab = await openLab(context)
  const trial = openTrial(lab, 21)
  const r = random(21)
  for (let i = 0; i < kills; i++) {
    trial.fresh()
    const child = trial.start()
    const [first] = await once(child.stdout, 'data')
    // Most of a run, on a machine that is neither fast nor slow.
    const afterMs = r.below(200)
    await setTimeout(afterMs)
    if (child.exitCode === null) {
      try {
        process.kill(Number(String(first)), 'SIGKILL')
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      }
    }
    if (child.exitCode === null) await once(child, 'close')
    await trial.converge(`executor killed after ${afterMs} ms`)
  }
}, { timeoutMs: 60_000 + kills * 5000 })

test.run()
