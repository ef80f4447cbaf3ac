/**
 * Guests that make a file look like another one's in all but what it holds: nothing that a guest says of its
 * files is believed.
 *
 * @module
 */
import { statSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { Name, Tree } from '../../core/unify/tree.ts'
import { suite } from '../support/suite.ts'
import { type Lab, openLab } from './lab.ts'
import { assertSame, manifest } from './manifest.ts'

const test = suite('unify of forged files', {
  needs: ['root', 'executor', 'getfattr', 'setcap', 'perl'],
  timeoutMs: 60_000,
})

/** Where one byte differs in files of 5 MiB: beside every border that a short cut might have. */
const offsets = [
  ...[0, 1, 511, 512, 4095, 4096, 65_535, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1],
  ...[(5 << 19) - 1, 5 << 19, (4 << 20) - 1, 4 << 20, (5 << 20) - 1],
]

/** Two trees whose files have the same names, sizes, times, and package database, which lies in one. */
function forge(lab: Lab): void {
  lab.sh(`
    for t in honest forged; do
      mkdir -p $t/usr/bin $t/var/lib/dpkg/info
      head -c 5242880 /dev/zero | tr '\\0' x > $t/usr/bin/same
      for at in ${offsets.join(' ')}; do cp $t/usr/bin/same $t/usr/bin/at$at; done
    done
    (cd honest; md5sum usr/bin/* > var/lib/dpkg/info/tool.md5sums)
    cp honest/var/lib/dpkg/info/tool.md5sums forged/var/lib/dpkg/info
    for at in ${offsets.join(' ')}; do
      printf y | dd of=forged/usr/bin/at$at bs=1 seek=$at conv=notrunc status=none
    done
    touch -d @1000.5 honest/usr/bin/* forged/usr/bin/* */var/lib/dpkg/info/*
  `)
}

const ino = (lab: Lab, ...parts: readonly string[]) => statSync(lab.at(...parts)).ino

function assertApart(lab: Lab): void {
  for (const at of offsets) {
    const name = `usr/bin/at${at}`
    assert.is.not(ino(lab, 'honest', name), ino(lab, 'forged', name), name)
  }
  assert.is(ino(lab, 'honest/usr/bin/same'), ino(lab, 'forged/usr/bin/same'))
  // The database itself is equal, and a file like others.
  const database = 'var/lib/dpkg/info/tool.md5sums'
  assert.is(ino(lab, 'honest', database), ino(lab, 'forged', database))
}

for (const ignoreTimes of [false, true]) {
  test(`content is read, whatever a package database says${ignoreTimes ? ', without times' : ''}`, async (context) => {
    const lab = await openLab(context)
    forge(lab)
    const before = manifest(lab.at('honest'), lab.at('forged'))
    const trees = [lab.tree('honest'), lab.tree('forged')]
    assert.equal((await lab.run(trees, { ignoreTimes })).failures, [])
    assertSame(manifest(lab.at('honest'), lab.at('forged')), before)
    assertApart(lab)
    // A third one meets what the index knows, with and without it.
    lab.sh(
      'cp -a forged third; printf z | dd of=third/usr/bin/same bs=1 seek=3000000 conv=notrunc status=none',
    )
    lab.sh('touch -d @1000.5 third/usr/bin/same')
    const third = manifest(lab.at('third'))
    await lab.run([...trees, lab.tree('third')], { ignoreTimes })
    assertSame(manifest(lab.at('third')), third)
    for (const at of offsets) {
      assert.is(ino(lab, 'third/usr/bin', `at${at}`), ino(lab, 'forged/usr/bin', `at${at}`))
    }
    assert.is.not(ino(lab, 'third/usr/bin/same'), ino(lab, 'honest/usr/bin/same'))
    assertApart(lab)
  })
}

test('a file that changes between reading and moving, and hides that, is shared as what it is', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    mkdir tree upper moved
    head -c 3000000 /dev/zero | tr '\\0' x > tree/tool; cp tree/tool upper/tool; cp tree/tool upper/fair
    touch -d @1000 tree/tool upper/*
  `)
  const upper: Tree = { ...lab.tree('upper'), writable: true }
  const moved = lab.tree('moved')
  const result = await lab.run([lab.tree('tree'), upper], {
    moveOut(_, files) {
      // As by a map of the file that a guest still had: no time tells of it.
      lab.sh(`
        printf y | dd of=upper/tool bs=1 seek=1500000 conv=notrunc status=none
        touch -d @1000 upper/tool; mv upper/tool upper/fair moved
      `)
      const names = files.flatMap((file) => file.names)
      return Promise.resolve(
        new Map<Name, Name>(names.map((name) => [name, { ...name, tree: moved }])),
      )
    },
  })
  assert.equal(result.failures, [])
  assert.is.not(ino(lab, 'moved/tool'), ino(lab, 'tree/tool'))
  assert.is(ino(lab, 'moved/fair'), ino(lab, 'tree/tool'))
  assert.is(lab.sh('head -c 1500001 moved/tool | tail -c 1'), 'y')
  assert.is(lab.sh('head -c 1500001 tree/tool | tail -c 1'), 'x')
})

test('what gives rights is never one with what gives none or others, on no terms', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    for t in a b; do
      mkdir $t
      for f in setuid setgid both owner cap other-cap more-caps effective; do
        cp /bin/true $t/$f; chmod 755 $t/$f
      done
    done
    chmod 4755 a/setuid; chmod 2755 a/setgid; chmod 6755 a/both; chmod 4755 b/both
    chown 1:0 a/owner; chmod 4755 */owner
    setcap cap_net_raw+ep a/cap
    setcap cap_net_raw+ep a/other-cap; setcap cap_net_admin+ep b/other-cap
    setcap cap_net_raw+ep a/more-caps; setcap cap_net_raw,cap_sys_admin+ep b/more-caps
    setcap cap_net_raw+ep a/effective; setcap cap_net_raw+p b/effective
    touch -d @1000 a/* b/*
  `)
  const before = manifest(lab.at('a'), lab.at('b'))
  for (const ignoreTimes of [false, true]) {
    const { failures } = await lab.run([lab.tree('a'), lab.tree('b')], { ignoreTimes })
    assert.equal(failures, [])
    assertSame(manifest(lab.at('a'), lab.at('b')), before)
    for (const name of lab.sh('ls a').trim().split('\n')) {
      assert.is.not(ino(lab, 'a', name), ino(lab, 'b', name), name)
    }
    // Equal but for their names, they are one.
    assert.is(ino(lab, 'b/setuid'), ino(lab, 'b/cap'))
  }
})

test.run()
