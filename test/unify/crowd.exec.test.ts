/**
 * Far more of something than any distribution has: nothing that a guest makes keeps others from being shared. @limit 300 s
 *
 * @module
 */
import { readdirSync, statSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { assertTidy, openLab } from './lab.ts'

const test = suite('unify of very many files', {
  needs: ['root', 'executor', 'perl'],
  timeoutMs: 280_000,
})

test('all the same, with long names, in one directory', async (context) => {
  const lab = await openLab(context)
  const trees = [lab.tree('a'), lab.tree('b')]
  // More names than an inode of ext4 can have, and than one plan has room for.
  lab.sh(`
    perl -e 'mkdir "a/crowd"; for $i (1..220000) {
      $n = sprintf("a/crowd/%s%06d", "n" x 200, $i);
      open F, ">", $n; print F "same"; close F; utime 5, 5, $n }'
    echo -n same > b/one; echo other > b/two; cp -p b/two a/two; touch -d @5 b/one a/crowd
  `)
  const { failures, links } = await lab.run(trees)
  assert.equal(failures, [])
  assert.ok(links >= 219_990, String(links))
  const inodes = new Set(
    readdirSync(lab.at('a/crowd')).map((name) => statSync(lab.at('a/crowd', name)).ino),
  )
  assert.ok(inodes.size <= 5, String(inodes.size))
  assert.ok(inodes.has(statSync(lab.at('b/one')).ino))
  assert.is(statSync(lab.at('a/two')).ino, statSync(lab.at('b/two')).ino)
  assert.is(statSync(lab.at('a/crowd')).mtimeMs, 5000)
  assertTidy(lab.store)
  assert.is((await lab.run(trees)).links, 0)
})

test.run()
