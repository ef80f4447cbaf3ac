import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { CLONE_NEWNS } from '../../core/linux/constants/process.ts'
import type { Session } from '../../core/plan/session.ts'
import { suite } from '../support/suite.ts'
import { failure, plan, scratch, session } from './support.ts'

const test = suite('SWEEP', { needs: ['executor', 'root'], timeoutMs: 60_000 })

const sweep = (directory: string, name: string) =>
  plan((main) => {
    const dir = main.keep('openat', [-100, directory, 0o10200000, 0])
    main.emit('SWEEP', [dir, name])
    main.call('close', [dir])
  })

test('removes a tree, a file, a link, and nothing beside them', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const outside = join(top, 'outside')
  mkdirSync(join(top, 'tree/a/b/c'), { recursive: true })
  mkdirSync(join(top, 'tree/empty'))
  mkdirSync(outside)
  writeFileSync(join(outside, 'keep'), 'x')
  writeFileSync(join(top, 'tree/a/file'), 'x')
  writeFileSync(join(top, 'file'), 'x')
  symlinkSync(outside, join(top, 'tree/a/link'))
  symlinkSync('../../..', join(top, 'tree/a/b/up'))
  symlinkSync('loop', join(top, 'tree/loop'))
  symlinkSync(outside, join(top, 'link'))
  chmodSync(join(top, 'tree/a'), 0)
  for (const name of ['tree', 'file', 'link', 'missing']) await opened.run(sweep(top, name))
  assert.equal(readdirSync(top), ['outside'])
  assert.equal(readdirSync(outside), ['keep'])
})

test('removes directories of many names', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  for (let i = 0; i < 40; i++) {
    mkdirSync(join(top, `tree/${i}/sub`), { recursive: true })
    for (let k = 0; k < 50; k++) writeFileSync(join(top, `tree/${i}/${'n'.repeat(200)}${k}`), '')
  }
  await opened.run(sweep(top, 'tree'))
  assert.equal(readdirSync(top), [])
})

/** Makes a directory tree deeper than any path may be long. */
async function dig(opened: Session, top: string, depth: number) {
  await opened.run(plan((main) => {
    main.call('mkdirat', [-100, join(top, 'deep'), 0o700])
    main.call('chdir', [join(top, 'deep')])
    for (let i = 0; i < depth; i++) {
      main.call('mkdirat', [-100, 'directory', 0o700])
      main.call('chdir', ['directory'])
    }
    main.call('chdir', ['/'])
  }))
}

test('removes a tree that is deeper than PATH_MAX and than any stack of descriptors', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  await dig(opened, top, 6000)
  await opened.run(sweep(top, 'deep'))
  assert.equal(readdirSync(top), [])
})

test('stops at what is mounted, and does not look into it', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const mounted = join(top, 'tree/mounted')
  mkdirSync(mounted, { recursive: true })
  await opened.run(plan((main) => {
    main.call('unshare', [CLONE_NEWNS])
    main.call('mount', [0, '/', 0, 0x44000, 0])
    main.call('mount', ['none', mounted, 'tmpfs', 0, 0])
    main.call('mkdirat', [-100, join(mounted, 'keep'), 0o700])
  }))
  assert.is((await failure(opened, sweep(top, 'tree'))).errnoName, 'EBUSY')
  await opened.run(plan((main) => {
    const dir = main.keep('openat', [-100, join(mounted, 'keep'), 0, 0])
    main.call('close', [dir])
    main.call('umount2', [mounted, 2])
  }))
  await opened.run(sweep(top, 'tree'))
  assert.equal(readdirSync(top), [])
})

test('reaches the name without following links', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  mkdirSync(join(top, 'real/victim'), { recursive: true })
  symlinkSync('real', join(top, 'alias'))
  assert.is((await failure(opened, sweep(top, 'alias/victim'))).errnoName, 'ELOOP')
  assert.ok(existsSync(join(top, 'real/victim')))
  await opened.run(sweep(top, 'nowhere/victim'))
  await opened.run(sweep(top, 'real/victim'))
  assert.not(existsSync(join(top, 'real/victim')))
})

test('refuses names that are no names', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  mkdirSync(join(top, 'tree'))
  for (const name of ['', '.', '..', 'tree/', 'tree/.', 'tree/..', '/']) {
    assert.is((await failure(opened, sweep(top, name))).errnoName, 'EINVAL', name)
  }
  const long = `${'a/'.repeat(2100)}b`
  assert.is((await failure(opened, sweep(top, long))).errnoName, 'ENAMETOOLONG')
  assert.equal(readdirSync(top), ['tree'])
})

test('leaves no descriptor behind', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const next = plan((main) => {
    main.keep('dup', [0])
    main.call('close', [{ kind: 'slot', slot: 16 }])
  })
  const before = (await opened.run(next)).slots[16]
  mkdirSync(join(top, 'tree/a/b'), { recursive: true })
  await opened.run(sweep(top, 'tree'))
  await dig(opened, top, 3)
  await opened.run(sweep(top, 'deep/directory'))
  assert.is((await opened.run(next)).slots[16], before)
})

test.run()
