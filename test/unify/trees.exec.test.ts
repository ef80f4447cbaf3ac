/**
 * Random trees are unified: all that is equal becomes one inode, and nothing else changes.
 *
 * `VSERVER_TEST_SEED=N` tries one seed only.
 *
 * @module
 */
import { statSync } from 'node:fs'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { defaultExcludes, makeExclude } from '../../core/unify/exclude.ts'
import { suite } from '../support/suite.ts'
import { makeForest } from './forest.ts'
import { assertTidy, openLab, savedBy } from './lab.ts'
import { assertSame, assertUnified, type Entry, manifest } from './manifest.ts'

const test = suite('unify of random trees', {
  needs: ['root', 'executor', 'getfattr', 'setfacl', 'perl'],
  timeoutMs: 60_000,
})

const wanted = process.env['VSERVER_TEST_SEED']
const seeds = wanted === undefined ? [1, 2, 3] : [Number(wanted)]
const { path: isExcluded } = makeExclude(defaultExcludes)

for (const seed of seeds) {
  test(`seed ${seed}: what is equal becomes one, and nothing else changes`, async (context) => {
    const lab = await openLab(context)
    const names = ['one', 'two', 'three']
    const roots = names.map((name) => lab.at(name))
    makeForest(roots, { seed, files: 100 })
    const trees = names.map(lab.tree)
    const before = manifest(...roots)
    const counted = (entries: ReadonlyMap<string, Entry>) => {
      const inos = new Map([...entries.values()].map(({ ino, isFile }) => [ino, isFile]))
      return [...inos.values()].filter((isFile) => isFile).length
    }
    const blocks = () => {
      const [total = '0'] = lab.sh('du -s --block-size=512 --total one two three | tail -1').split(
        '\t',
      )
      return Number(total) * 512
    }
    const bytes = blocks()

    const foreseen = await lab.run(trees, { dryRun: true })
    const unchanged = manifest(...roots)
    for (const [path, entry] of before) assert.equal(unchanged.get(path), entry, path)
    assert.is(unchanged.size, before.size)

    const result = await lab.run(trees)
    assert.equal(result.failures, [])
    const now = manifest(...roots)
    assertSame(now, before)
    const isShared = (path: string) =>
      roots.some((root) => path.startsWith(root) && !isExcluded(path.slice(root.length + 1)))
    assertUnified(now, isShared)
    assert.equal(savedBy(foreseen), savedBy(result))
    assert.is(savedBy(result).inodes, counted(before) - counted(now))
    assert.is(savedBy(result).bytes, bytes - blocks())
    assert.ok(result.links > 20, String(result.links))
    assertTidy(lab.store)

    const again = await lab.run(trees)
    assert.equal([again.links, again.trees, savedBy(again)], [0, 0, { bytes: 0, inodes: 0 }])
    const still = manifest(...roots)
    for (const [path, entry] of now) assert.equal(still.get(path), entry, path)

    // Without the index everything is looked at, and nothing is left to do.
    lab.sh('rm index.sqlite*')
    const anew = await lab.run(trees)
    assert.equal([anew.links, anew.trees, savedBy(anew)], [0, 3, { bytes: 0, inodes: 0 }])
    assertTidy(lab.store)
    for (const [path, entry] of manifest(...roots)) assert.equal(now.get(path), entry, path)

    // A tree that comes later meets what is in the index.
    makeForest([lab.at('four')], { seed: seed + 1000, files: 100 })
    roots.push(lab.at('four'))
    const older = manifest(lab.at('four'))
    const late = await lab.run([...trees, lab.tree('four')])
    assert.is(late.trees, 1)
    assert.equal(late.failures, [])
    const all = manifest(...roots)
    assertSame(all, new Map([...before, ...older]))
    assertUnified(all, isShared)
    assertTidy(lab.store)
  })
}

test('times are left out where they are to be', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    mkdir -p a/usr b/usr
    for t in a b; do echo same > $t/usr/x; echo same > $t/usr/y; chmod 600 $t/usr/y; done
    touch -d @1 a/usr/x; touch -d @2 b/usr/x; touch -d @3 a/usr/y b/usr/y
    touch -d @5 a/usr; touch -d @6.000000007 b/usr
  `)
  const trees = [lab.tree('a'), lab.tree('b')]
  const before = manifest(lab.at('a', 'usr'), lab.at('b', 'usr'))
  assert.is((await lab.run(trees, { ignoreTimes: true })).links, 2)
  const now = manifest(lab.at('a', 'usr'), lab.at('b', 'usr'))
  const ino = (path: string) => statSync(lab.at(path)).ino
  assert.is(ino('a/usr/x'), ino('b/usr/x'))
  assert.is(ino('a/usr/y'), ino('b/usr/y'))
  // One of the two times stays; everything else does as it was.
  const timeless = (entries: ReadonlyMap<string, Entry>) =>
    new Map([...entries].map(([path, entry]) => [
      path,
      path.endsWith('/x') ? { ...entry, line: entry.line.replace(/ [12]000000000 /, ' ') } : entry,
    ]))
  assertSame(timeless(now), timeless(before))

  // What comes later, with a third time, becomes one with them as well; also when the index is lost.
  for (const [name, time] of [['c', 8], ['d', 9]] as const) {
    lab.sh(`mkdir -p ${name}/usr; echo same > ${name}/usr/x; touch -d @${time} ${name}/usr/x`)
    if (name === 'd') lab.sh('rm index.sqlite*')
    trees.push(lab.tree(name))
    await lab.run(trees, { ignoreTimes: true })
    assert.is(ino(`${name}/usr/x`), ino('a/usr/x'), name)
    assert.not.match(lab.sh('find store'), /damaged/)
  }
})

test.run()
