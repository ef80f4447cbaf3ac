import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { errno } from '../../core/linux/errno.ts'
import { AT_FDCWD, AT_REMOVEDIR } from '../../core/linux/constants/open.ts'
import { limit } from '../../core/plan/abi.ts'
import { bytes } from '../../core/plan/program.ts'
import { suite } from '../support/suite.ts'
import { failure, plan, scratch, session } from './support.ts'
import {
  becomeNobody,
  listDirectory,
  type Listed,
  listings,
  ownMounts,
  within,
} from './unify_support.ts'

const test = suite('LIST', { needs: ['executor', 'root'], timeoutMs: 60_000 })

function tool(...argv: readonly string[]): void {
  const [program = '', ...args] = argv
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  assert.is(status, 0, `${argv.join(' ')}: ${stderr}`)
}

const path = (...parts: readonly string[]) => Buffer.from(join(...parts), 'latin1')

/** What LIST must say of a name. */
function told(directory: string, name: string) {
  const stat = lstatSync(path(directory, name), { bigint: true })
  const ns = 1_000_000_000n
  return {
    ino: stat.ino,
    size: stat.size,
    blocks: stat.blocks,
    mtime_sec: stat.mtimeNs / ns,
    ctime_sec: stat.ctimeNs / ns,
    mtime_nsec: stat.mtimeNs % ns,
    ctime_nsec: stat.ctimeNs % ns,
    uid: stat.uid,
    gid: stat.gid,
    nlink: stat.nlink,
    mode: stat.mode,
    rdev_major: stat.rdev >> 8n,
    rdev_minor: stat.rdev & 0xffn,
    error: 0n,
    name,
  }
}

function without({ name_bytes: _n, record_bytes: _r, ...rest }: Listed) {
  return rest
}

/** Names in the order in which the kernel gives them. */
function namesInOrder(directory: string): readonly string[] {
  using dir = opendirSync(directory, { encoding: 'latin1' as 'utf8' })
  const names: string[] = []
  for (let entry = dir.readSync(); entry; entry = dir.readSync()) names.push(entry.name)
  return names
}

const of = (entries: readonly Listed[], name: string) => {
  const found = entries.find((each) => each.name === name)
  if (!found) throw new Error(`no entry ${name}`)
  return found
}

test('tells of every kind of file, in the order of the kernel', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const dir = join(top, 'usr/share')
  mkdirSync(join(dir, 'directory'), { recursive: true })
  writeFileSync(join(dir, 'file'), 'content')
  chownSync(join(dir, 'file'), 1234, 4_000_000_000)
  chmodSync(join(dir, 'file'), 0o6751)
  utimesSync(join(dir, 'file'), 1, 1_234_567_890.125)
  writeFileSync(join(dir, 'empty'), '')
  writeFileSync(join(dir, 'sparse'), 'x')
  truncateSync(join(dir, 'sparse'), 5 * 2 ** 32)
  linkSync(join(dir, 'file'), join(dir, 'second name'))
  symlinkSync('nowhere', join(dir, 'link'))
  tool('mkfifo', join(dir, 'fifo'))
  tool('mknod', join(dir, 'null'), 'c', '1', '3')
  tool('mknod', join(dir, 'disk'), 'b', '8', '17')
  const odd = ['\xff\xfe', 'a\nb', ' ', '...', '-', '\\', 'B\xc3\xb6tzow', 'n'.repeat(255)]
  for (const name of odd) writeFileSync(path(dir, name), name)
  const { error, entries } = await listDirectory(opened, { root: top, path: 'usr/share' })
  const names = namesInOrder(dir)
  assert.is(error, 0)
  assert.is(names.length, 9 + odd.length)
  assert.equal(entries.map(without), names.map((name) => told(dir, name)))
})

test('does not cross mounts', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  mkdirSync(join(top, 'tree/mounted'), { recursive: true })
  for (const name of ['tree/file', 'tree/bound', 'other']) writeFileSync(join(top, name), name)
  await ownMounts(opened, (main) => {
    main.call('mount', ['none', join(top, 'tree/mounted'), 'tmpfs', 0, 0])
    main.call('mkdirat', [AT_FDCWD, join(top, 'tree/mounted/inside'), 0o700])
    main.call('mount', [join(top, 'other'), join(top, 'tree/bound'), 0, 0x1000, 0])
  })
  const { entries } = await listDirectory(opened, { root: top, path: 'tree' })
  const errors = Object.fromEntries(entries.map(({ name, error }) => [name, Number(error)]))
  assert.equal(errors, { mounted: errno.EXDEV, bound: errno.EXDEV, file: 0 })
  for (const inside of ['tree/mounted', 'tree/mounted/inside']) {
    const refused = await listDirectory(opened, { root: top, path: inside })
    assert.equal(refused, { error: errno.EXDEV, entries: [] })
  }
})

test('reaches the directory without links, and never above the root', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  mkdirSync(join(top, 'root/real/sub'), { recursive: true })
  symlinkSync('real', join(top, 'root/alias'))
  writeFileSync(join(top, 'root/file'), '')
  const root = join(top, 'root')
  const cases = {
    alias: errno.ELOOP,
    'alias/sub': errno.ELOOP,
    missing: errno.ENOENT,
    'missing/sub': errno.ENOENT,
    '': errno.ENOENT,
    file: errno.ENOTDIR,
    '..': errno.EXDEV,
    'real/../../root': errno.EXDEV,
    [root]: errno.EXDEV,
    [`${'a/'.repeat(2100)}b`]: errno.ENAMETOOLONG,
    '.': 0,
    'real/../real/sub': 0,
  }
  for (const [name, error] of Object.entries(cases)) {
    assert.is((await listDirectory(opened, { root, path: name })).error, error, name)
  }
})

test('says so when the directory has vanished, and goes on', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  mkdirSync(join(top, 'a'))
  mkdirSync(join(top, 'b/sub'), { recursive: true })
  const { bytes: reply } = await opened.run(plan((main) => {
    within(main, join(top, 'a'), (dir) => {
      main.call('unlinkat', [AT_FDCWD, join(top, 'a'), AT_REMOVEDIR])
      main.emit('LIST', [dir, '.'])
    })
    within(main, join(top, 'b'), (dir) => main.emit('LIST', [dir, '.']))
    main.emit('LIST', [999, '.'])
  }))
  const [gone, there, closed] = listings(reply)
  assert.equal(gone, { error: errno.ENOENT, entries: [] })
  assert.is(there?.entries.length, 1)
  assert.equal(closed, { error: errno.EBADF, entries: [] })
})

test('leaves the times of access alone', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  writeFileSync(join(top, 'file'), 'x')
  for (const name of ['file', '.']) utimesSync(join(top, name), 1, 2)
  await listDirectory(opened, { root: top })
  for (const name of ['file', '.']) assert.is(statSync(join(top, name)).atimeMs, 1000, name)
})

test('needs no power over the directory', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  chmodSync(top, 0o755)
  writeFileSync(join(top, 'closed'), '')
  chmodSync(join(top, 'closed'), 0)
  await opened.run(becomeNobody)
  const { error, entries } = await listDirectory(opened, { root: top })
  assert.is(error, 0)
  assert.is(of(entries, 'closed').error, 0n)
})

test('lists a hundred thousand names, or none when they have no room', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const many = 100_000
  await ownMounts(opened, (main) => {
    main.call('mount', ['none', top, 'tmpfs', 0, 0])
    main.call('mkdirat', [AT_FDCWD, join(top, 'small'), 0o700])
    main.call('mkdirat', [AT_FDCWD, join(top, 'small/one'), 0o700])
    main.call('mkdirat', [AT_FDCWD, join(top, 'large'), 0o700])
  })
  for (let part = 0; part < 2; part++) {
    await opened.run(plan((main) => {
      main.call('chdir', [join(top, 'large')])
      for (let i = part; i < many; i += 2) {
        main.call('mknodat', [AT_FDCWD, `${i}`.padEnd(230), 0o100600, 0])
      }
      main.call('chdir', ['/'])
    }))
  }
  const { bytes: reply } = await opened.run(plan((main) => {
    within(main, top, (dir) => {
      for (let i = 0; i < 3; i++) main.emit('LIST', [dir, 'large'])
      main.emit('LIST', [dir, 'small'])
    })
  }))
  const all = listings(reply)
  const seen = all.map((
    { error, entries },
  ) => [error, new Set(entries.map(({ name }) => name)).size])
  assert.equal(seen, [[0, many], [0, many], [errno.ENOBUFS, 0], [0, 1]])
})

test('fails when the reply has no room for the head', async (t) => {
  const opened = await session(t)
  const mebi = bytes(1 << 20)
  const crowded = (left: number) =>
    plan((main) => {
      for (let i = 1; i < limit.PLAN_BYTES >> 20; i++) main.emit('REPORT', [mebi, 1 << 20])
      main.emit('REPORT', [mebi, (1 << 20) - left])
      within(main, '/', (dir) => main.emit('LIST', [dir, '.']))
    })
  assert.is((await failure(opened, crowded(15))).errnoName, 'ENOBUFS')
  const { bytes: reply } = await opened.run(crowded(16))
  assert.equal(listings(reply.slice(-16)), [{ error: errno.ENOBUFS, entries: [] }])
})

test('appends behind what was reported, whatever its length', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  writeFileSync(join(top, 'file'), 'x')
  const { bytes: reply } = await opened.run(plan((main) => {
    main.emit('REPORT', [bytes(3), 3])
    within(main, top, (dir) => main.emit('LIST', [dir, '.']))
  }))
  assert.equal(listings(reply.subarray(3))[0]?.entries.map(without), [told(top, 'file')])
})

test('is whole while the directory changes, and leaves no descriptor', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const next = plan((main) => {
    main.keep('dup', [0])
    main.call('close', [{ kind: 'slot', slot: 16 }])
  })
  const before = (await opened.run(next)).slots[16]
  for (let i = 0; i < 300; i++) writeFileSync(join(top, `${i}`), '')
  let busy = true
  const all = (async () => {
    for (let i = 0; i < 100; i++) {
      const { error, entries } = await listDirectory(opened, { root: top })
      assert.is(error, 0)
      for (const entry of entries) {
        assert.ok(entry.error === 0n || entry.error === BigInt(errno.ENOENT))
      }
    }
    busy = false
  })()
  for (let i = 0; busy; i++) {
    const name = join(top, `${i % 300}`)
    renameSync(name, `${name}-moved`)
    rmSync(`${name}-moved`)
    writeFileSync(name, '')
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await all
  assert.is((await opened.run(next)).slots[16], before)
})

test.run()
