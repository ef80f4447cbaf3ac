import { spawnSync } from 'node:child_process'
import { linkSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { errno } from '../../core/linux/errno.ts'
import { MS_BIND, MS_RDONLY, MS_REMOUNT } from '../../core/linux/constants/mount.ts'
import { AT_FDCWD } from '../../core/linux/constants/open.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { plan, scratch, session } from './support.ts'
import {
  expected,
  ino,
  ownMounts,
  type RelinkEntry,
  relinkTable,
  runRelink,
  times,
  treeAndStore,
} from './unify_support.ts'

const test = suite('RELINK at the limits of file systems', {
  needs: ['executor', 'root', 'losetup', 'mkfs.ext4'],
  timeoutMs: 120_000,
})

/** A file system of its own. */
function disk(t: TestContext, mebi: number): string {
  const top = scratch(t)
  const mount = join(top, 'disk')
  const script =
    `truncate -s ${mebi}M image && mkfs.ext4 -q -m 0 -b 4096 image && mkdir disk && mount -o loop image disk`
  assert.is(spawnSync('sh', ['-c', script], { cwd: top, stdio: 'inherit' }).status, 0)
  t.cleanup(() => assert.is(spawnSync('umount', [mount], { stdio: 'inherit' }).status, 0))
  return mount
}

const link = (dir: string, name: string, object = 'object'): RelinkEntry => ({
  name,
  object,
  action: 'LINK',
  ...expected(join(dir, name)),
})

test('EMLINK: an object has as many links as it may have', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(disk(t, 64))
  const most = 65_000
  writeFileSync(join(store, 'object'), 'same')
  for (const name of ['a', 'b', 'c']) writeFileSync(join(dir, name), 'same')
  mkdirSync(join(store, 'links'))
  await opened.run(plan((main) => {
    main.call('chdir', [store])
    for (let i = 2; i < most; i++) {
      main.call('linkat', [AT_FDCWD, 'object', AT_FDCWD, `links/${i}`, 0])
    }
    main.call('chdir', ['/'])
  }))
  const { mtime } = times(dir)
  const table = relinkTable(mtime, [
    link(dir, 'a'),
    link(dir, 'b'),
    { ...link(store, 'object'), name: 'a', object: 'another', action: 'ADOPT' },
    link(dir, 'c', 'missing'),
  ])
  const of = { root: tree, path: 'usr/bin', store }
  const { EMLINK, ENOENT } = errno
  assert.equal(await runRelink(opened, { ...of, table }), [0, EMLINK, EMLINK, ENOENT])
  assert.is(ino(join(dir, 'a')), ino(join(store, 'object')))
  assert.is.not(ino(join(dir, 'b')), ino(join(store, 'object')))
  assert.equal(readdirSync(store).sort(), ['ab', 'links', 'object'])
  assert.is(times(dir).mtime, mtime)
})

test('ENOSPC: the staging name needs a block that is not there', async (t) => {
  const opened = await session(t)
  const mount = disk(t, 8)
  const { tree, store, dir } = treeAndStore(mount)
  writeFileSync(join(store, 'object'), 'same')
  writeFileSync(join(dir, 'a'), 'same')
  const long = (i: number) => `ab/${'n'.repeat(245)}${i}`
  writeFileSync(join(mount, 'fill'), '')
  spawnSync('dd', ['if=/dev/zero', `of=${join(mount, 'fill')}`, 'bs=64k'], { stdio: 'ignore' })
  spawnSync('dd', ['if=/dev/zero', `of=${join(mount, 'rest')}`, 'bs=4k'], { stdio: 'ignore' })
  assert.is(statfsSync(mount).bavail, 0)
  let full = 100_000
  assert.throws(() => {
    for (; full < 101_000; full++) linkSync(join(store, 'object'), join(store, long(full)))
  }, (error: Error) => 'code' in error && error.code === 'ENOSPC')
  const { mtime } = times(dir)
  const of = { root: tree, path: 'usr/bin', store }
  const adopt = { ...link(dir, 'a', long(200_000)), action: 'ADOPT' } as const
  const tables = {
    staging: relinkTable(mtime, [link(dir, 'a')]),
    adopting: relinkTable(mtime, [adopt]),
  }
  const before = ino(join(dir, 'a'))
  const staged = { ...of, staging: long(300_000), table: tables.staging }
  assert.equal(await runRelink(opened, staged), [errno.ENOSPC])
  assert.equal(await runRelink(opened, { ...of, table: tables.adopting }), [errno.ENOSPC])
  assert.is(ino(join(dir, 'a')), before)
  rmSync(join(store, long(100_000)))
  assert.equal(await runRelink(opened, staged), [0])
  assert.is(ino(join(dir, 'a')), ino(join(store, 'object')))
  assert.is(times(dir).mtime, mtime)
})

test('EXDEV: the store is elsewhere, on another file system or another mount', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const { tree, store, dir } = treeAndStore(top)
  writeFileSync(join(store, 'object'), 'same')
  writeFileSync(join(dir, 'a'), 'same')
  const table = relinkTable(0n, [
    link(dir, 'a'),
    { ...link(dir, 'a', 'ab/new'), action: 'ADOPT' },
  ])
  await ownMounts(opened, (main) => {
    main.call('mkdirat', [AT_FDCWD, join(top, 'memory'), 0o700])
    main.call('mount', ['none', join(top, 'memory'), 'tmpfs', 0, 0])
    main.call('mkdirat', [AT_FDCWD, join(top, 'memory/ab'), 0o700])
    main.call('mknodat', [AT_FDCWD, join(top, 'memory/object'), 0o100600, 0])
    main.call('mkdirat', [AT_FDCWD, join(top, 'bound'), 0o700])
    main.call('mount', [store, join(top, 'bound'), 0, MS_BIND, 0])
  })
  const before = times(dir)
  const { EXDEV, ENOENT } = errno
  for (const elsewhere of ['memory', 'bound']) {
    const of = { root: tree, path: 'usr/bin', store: join(top, elsewhere), table }
    assert.equal(await runRelink(opened, of), [EXDEV, EXDEV], elsewhere)
    // the staging name is gone
    const staging = plan((main) => {
      main.call('unlinkat', [AT_FDCWD, join(top, elsewhere, 'staging'), 0], { ignore: [ENOENT] })
      main.call('faccessat', [AT_FDCWD, join(top, elsewhere, 'object'), 0])
    })
    await opened.run(staging)
  }
  assert.equal(readdirSync(store).sort(), ['ab', 'object'])
  assert.equal(times(dir), before)
})

test('EROFS: all may only be read', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const { tree, store, dir } = treeAndStore(top)
  writeFileSync(join(store, 'object'), 'same')
  writeFileSync(join(dir, 'a'), 'same')
  await ownMounts(opened, (main) => {
    main.call('mount', [top, top, 0, MS_BIND, 0])
    main.call('mount', [0, top, 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0])
  })
  const table = relinkTable(0n, [
    link(dir, 'a'),
    { ...link(dir, 'a', 'ab/new'), action: 'ADOPT' },
    { ...link(dir, 'a'), objectIno: ino(join(dir, 'a')) },
  ])
  const before = times(dir)
  const of = { root: tree, path: 'usr/bin', store, table }
  assert.equal(await runRelink(opened, of), [errno.EROFS, errno.EROFS, 0])
  assert.equal(times(dir), before)
})

test.run()
