/**
 * Objects are read again: what has rotted is told, and repaired from a file that is intact.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { lstatSync, readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { withIndex } from '../../core/unify/index_file.ts'
import { type Verified, verifyStore } from '../../core/unify/verify.ts'
import type { Tree } from '../../core/unify/tree.ts'
import { suite } from '../support/suite.ts'
import { assertTidy, type Lab, openLab } from './lab.ts'
import { manifest } from './manifest.ts'

const test = suite('verify', { needs: ['root', 'executor'] })

const linesOf = (path: string) => [...manifest(path)].map(([name, { line }]) => `${name} ${line}`)

function verify(lab: Lab, trees: readonly Tree[]): Promise<Verified> {
  return withIndex(
    { path: lab.index, onDamage: () => undefined },
    (index) =>
      verifyStore(lab.session, {
        trees,
        index,
        store: lab.store,
        signal: new AbortController().signal,
        progress: () => undefined,
      }),
  )
}

/** Changes a byte in the middle, as a disk may: nothing else of the inode tells. */
function rot(lab: Lab, path: string): void {
  lab.sh(`touch -r ${path} stamp; printf X | dd of=${path} bs=1 seek=5000 conv=notrunc status=none
    touch -r stamp ${path}`)
}

async function twoTrees(lab: Lab): Promise<readonly Tree[]> {
  const trees = [lab.tree('a'), lab.tree('b')]
  lab.sh(`mkdir a/lib; head -c 20000 /dev/zero | tr '\\0' z > a/lib/big; echo small > a/lib/small
    chmod 4755 a/lib/small; cp -a a/lib b/`)
  await lab.run(trees)
  return trees
}

test('finds nothing wrong where nothing is', async (context) => {
  const lab = await openLab(context)
  const trees = await twoTrees(lab)
  const { objects, damaged } = await verify(lab, trees)
  assert.is(objects, 2)
  assert.equal(damaged, [])
})

test('knows objects that were made when times did not count', async (context) => {
  const lab = await openLab(context)
  const trees = await twoTrees(lab)
  lab.sh(
    'mkdir a/more b/more; echo x > a/more/x; cp a/more/x b/more/x; touch -d 2001-01-01 a/more/x',
  )
  await withIndex({ path: lab.index, onDamage: () => undefined }, (index) => {
    for (const { id } of trees) index.dropTree(id)
    return Promise.resolve()
  })
  await lab.run(trees, { ignoreTimes: true })
  assert.is(lstatSync(lab.at('a/more/x')).ino, lstatSync(lab.at('b/more/x')).ino)
  assert.equal((await verify(lab, trees)).damaged, [])
})

test('names what has rotted, under all its names', async (context) => {
  const lab = await openLab(context)
  const trees = await twoTrees(lab)
  rot(lab, 'a/lib/big')
  const { damaged: [damage, ...rest] } = await verify(lab, trees)
  assert.equal(rest, [])
  assert.is(damage?.repaired, false)
  assert.equal(damage?.file.names.map(({ tree, name }) => `${tree.id} ${name}`).toSorted(), [
    `${trees[0]?.id} big`,
    `${trees[1]?.id} big`,
  ])
})

test('puts an intact file in its place, and changes no time', async (context) => {
  const lab = await openLab(context)
  const before = await twoTrees(lab)
  const whole = linesOf(lab.at('a'))
  // A tree that came later, and that no run has looked at.
  lab.sh('mkdir c; cp -a a/lib c/; touch -d 2002-02-02 a/lib b/lib')
  const times = linesOf(lab.at('b'))
  rot(lab, 'a/lib/big')
  const trees = [...before, lab.tree('c')]
  const { damaged } = await verify(lab, trees)
  assert.equal(damaged.map(({ repaired }) => repaired), [true])
  assert.is(readFileSync(lab.at('a/lib/big'), 'utf8'), 'z'.repeat(20_000))
  assert.is(lstatSync(lab.at('a/lib/big')).ino, lstatSync(lab.at('c/lib/big')).ino)
  assert.equal(linesOf(lab.at('b')), times)
  assert.equal((await verify(lab, trees)).damaged, [])
  execFileSync('touch', ['-r', lab.at('c/lib'), lab.at('a/lib')])
  assert.equal(linesOf(lab.at('a')), whole)
  assertTidy(lab.store)
})

test.run()
