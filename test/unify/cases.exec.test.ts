import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import type { Tree } from '../../core/unify/tree.ts'
import { suite } from '../support/suite.ts'
import { assertTidy, openLab, savedBy } from './lab.ts'
import { assertSame, manifest } from './manifest.ts'

const test = suite('unify, file by file', {
  needs: ['root', 'executor', 'getfattr', 'setfacl', 'setcap'],
  timeoutMs: 60_000,
})

test('what differs in one thing only stays apart', async (context) => {
  const lab = await openLab(context)
  const big = Buffer.alloc(3_000_000, 'x')
  for (const name of ['a', 'b']) mkdirSync(lab.at(name))
  for (const [name, byte] of [['a', 1], ['b', 2]] as const) {
    big[1_500_000] = byte
    writeFileSync(lab.at(name, 'middle'), big)
  }
  lab.sh(`
    for t in a b; do
      for f in mode setuid sticky owner group xattr value acl cap time nano empty flag; do
        cp /bin/true $t/$f
      done
      cp /bin/true $t/equal
      cp /bin/true $t/caps; setcap cap_net_raw+ep $t/caps
      cp /bin/true $t/order
      ln -s /bin/true $t/link; mkfifo $t/pipe
    done
    chmod 700 a/mode; chmod 4755 a/setuid; chmod 1755 a/sticky; chown 1 a/owner; chown :1 a/group
    setfattr -n user.a -v 1 a/xattr; setfattr -n user.a -v 1 a/value; setfattr -n user.a -v 2 b/value
    setfattr -n user.a a/empty; setfacl -m u:5:r a/acl; setcap cap_net_raw+ep a/cap; chattr +A a/flag
    setfattr -n user.a -v 1 a/order; setfattr -n user.b -v 2 a/order
    setfattr -n user.b -v 2 b/order; setfattr -n user.a -v 1 b/order
    touch -d @1000 a/* b/*
    touch -d @999 a/time; touch -d @1000.000000001 a/nano
  `)
  const before = manifest(lab.at('a'), lab.at('b'))
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assert.equal(result.failures, [])
  assertSame(manifest(lab.at('a'), lab.at('b')), before)
  const ino = (path: string) => statSync(lab.at(path)).ino
  for (
    const name of [
      ...['middle', 'mode', 'setuid', 'sticky', 'owner', 'group', 'xattr', 'value', 'acl', 'cap'],
      ...['time', 'nano', 'empty', 'flag'],
    ]
  ) assert.is.not(ino(`a/${name}`), ino(`b/${name}`), name)
  assert.is(ino('a/equal'), ino('b/equal'))
  assert.is(ino('a/caps'), ino('b/caps'))
  assert.is(ino('a/order'), ino('b/order'))
})

test('a file with a name where nothing is shared stays as it is under all of them', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    for t in a b; do
      mkdir -p $t/etc $t/var/log $t/usr/etc
      for f in etc/x var/log/x usr/etc/x etcetera; do echo same > $t/$f; touch -d @1 $t/$f; done
      ln $t/etc/x $t/usr/linked
    done
  `)
  await lab.run([lab.tree('a'), lab.tree('b')])
  const ino = (path: string) => statSync(lab.at(path)).ino
  for (const path of ['etc/x', 'var/log/x', 'usr/linked']) {
    assert.is.not(ino(`a/${path}`), ino(`b/${path}`), path)
  }
  assert.is(ino('a/usr/etc/x'), ino('b/usr/etc/x'))
  assert.is(ino('a/usr/etc/x'), ino('a/etcetera'))
})

test('what has a name that nobody knows of could be written to, and stays until that is gone', async (context) => {
  const lab = await openLab(context)
  const trees = [lab.tree('a'), lab.tree('b')]
  lab.sh('echo same > a/f; cp -a a/f b/f; ln a/f elsewhere')
  const ino = (path: string) => statSync(lab.at(path)).ino
  assert.is((await lab.run(trees)).links, 0)
  assert.is.not(ino('a/f'), ino('b/f'))
  lab.sh('rm elsewhere')
  assert.is((await lab.run(trees)).links, 1)
  assert.is(ino('a/f'), ino('b/f'))
})

test('what a guest can still write to under another name stays', async (context) => {
  const lab = await openLab(context)
  const upper: Tree = { ...lab.tree('upper'), writable: true }
  const trees = [lab.tree('a'), lab.tree('b'), upper]
  lab.sh('echo same > a/f; cp -a a/f b/f; ln a/f upper/g')
  const moveOut = () => Promise.reject(new Error('nothing is to be moved'))
  assert.is((await lab.run(trees, { moveOut })).links, 0)
  assert.is(lab.sh('stat -c %h a/f b/f').trim(), '2\n1')
})

test('nothing outside of a tree is followed into', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir -p a/d b other; for d in a/d b other; do echo same > $d/x; touch -d @1 $d/x; done')
  symlinkSync('../other', lab.at('a', 'link'))
  mkdirSync(lab.at('a/mnt'))
  lab.sh('mount -t tmpfs none a/mnt')
  context.cleanup(() => lab.sh('umount a/mnt'))
  lab.sh('echo same > a/mnt/x; touch -d @1 a/mnt/x')
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assert.is(result.links, 1)
  assert.is(statSync(lab.at('other/x')).nlink, 1)
  assert.is(statSync(lab.at('a/mnt/x')).nlink, 1)
})

test('files that no name can be added to stay, and so does what lies in such a directory', async (context) => {
  const lab = await openLab(context)
  context.cleanup(() => lab.sh('chattr -R -i -a a b'))
  lab.sh(`
    mkdir -p a/dir b/dir
    for t in a b; do
      for f in immutable append dir/x free; do echo $f > $t/$f; touch -d @1 $t/$f; done
    done
    chattr +i a/immutable b/immutable; chattr +a a/append b/append; chattr +i a/dir b/dir
  `)
  const before = manifest(lab.at('a'), lab.at('b'))
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assertSame(manifest(lab.at('a'), lab.at('b')), before)
  assert.is(result.links, 1)
  assert.equal(result.failures.map(({ item }) => item.name.name), ['x'])
  assert.equal((await lab.run([lab.tree('a'), lab.tree('b')])).trees, 0)
  assertTidy(lab.store)
})

test('holes are not read for longer than what they hold', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    mkdir a b; for t in a b; do truncate -s 1T $t/hole; touch -d @1 $t/hole; done
    for t in a b; do truncate -s 1M $t/small; touch -d @1 $t/small; done
  `)
  let most = 0
  const result = await lab.run([lab.tree('a'), lab.tree('b')], {
    progress: ({ unit, total }) => {
      if (unit === 'bytes') most = Math.max(most, total)
    },
  })
  assert.is(result.links, 1)
  assert.ok(most <= 2 << 20, String(most))
})

test('of equal files the one that takes the fewest blocks stays', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    mkdir a b; head -c 900000 /dev/zero > a/x; truncate -s 900000 b/x; touch -d @1 a/x b/x
  `)
  const hole = statSync(lab.at('b/x')).ino
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assert.is(statSync(lab.at('a/x')).ino, hole)
  assert.ok(savedBy(result).bytes >= 900_000)
})

test('a directory with very many entries', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    for t in a b; do
      mkdir $t; (cd $t; seq -f %05g.a 0 9999 | xargs touch -d @1; echo x > last; touch -d @2 last .)
    done
  `)
  const before = statSync(lab.at('a'), { bigint: true }).mtimeNs
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assert.equal(result.failures, [])
  assert.is(statSync(lab.at('b/last')).ino, statSync(lab.at('a/last')).ino)
  assert.is(result.links, 20_000)
  assert.is(statSync(lab.at('a'), { bigint: true }).mtimeNs, before)
})

test('directories deeper than a path can be', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    deep=$(printf 'd%.0s' {1..254})
    for t in a b; do
      mkdir $t; echo same > $t/x; touch -d @1 $t/x
      ( cd $t; for i in {1..40}; do
        mkdir $deep; cd -P ./$deep 2>/dev/null || exit 0
        echo same > x; setfattr -n user.x -v 1 x; touch -d @1 x
      done )
    done
  `)
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assert.is(statSync(lab.at('a/x')).ino, statSync(lab.at('b/x')).ino)
  assert.ok(result.unreadable.length > 0)
  assertTidy(lab.store)
  // What was about to be changed there can be put right, too.
  assert.equal((await lab.run([lab.tree('a'), lab.tree('b')])).links, 0)
})

test('a tree that is looked at once more, of which nothing is shared yet, is not equal to itself', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir a b c; for t in a b c; do echo $t > $t/x; done; echo b > c/y; touch -d @1 */*')
  await lab.run([lab.tree('a'), lab.tree('b')])
  lab.sh(`node -e "
    const { DatabaseSync } = require('node:sqlite')
    new DatabaseSync('index.sqlite').exec('DELETE FROM tree WHERE id LIKE \\'%/a\\'')"`)
  const result = await lab.run([lab.tree('a'), lab.tree('b')])
  assert.equal([result.links, result.trees, savedBy(result).inodes], [0, 1, 0])
  assert.is(statSync(lab.at('a/x')).nlink, 1)
  const shared = await lab.run([lab.tree('a'), lab.tree('b'), lab.tree('c')])
  assert.is(shared.links, 1)
  assert.is(statSync(lab.at('b/x')).ino, statSync(lab.at('c/y')).ino)
})

test('a tree that vanishes meanwhile is left out', async (context) => {
  const lab = await openLab(context)
  lab.sh(`
    mkdir a b c; for t in a b c; do echo same > $t/x; touch -d @1 $t/x; done
    setfattr -n user.x -v 1 c/x; cp -a c d
  `)
  const trees = ['a', 'b', 'c', 'd'].map(lab.tree)
  lab.sh('rm -r b')
  let gone = false
  const result = await lab.run(trees, {
    progress: ({ phase, done }) => {
      if (phase !== 'list trees' || done < 3 || gone) return
      gone = true
      lab.sh('rm -r c')
    },
  })
  assert.is(result.links, 0)
  assert.ok(gone && existsSync(lab.at('a/x')))
  lab.sh('mkdir b; cp -a a/x b')
  assert.is((await lab.run([lab.tree('a'), lab.tree('b'), lab.tree('d')])).links, 1)
})

test.run()
