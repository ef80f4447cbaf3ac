import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { AT_FDCWD } from '../../core/linux/constants/open.ts'
import { errno } from '../../core/linux/errno.ts'
import { layout } from '../../core/plan/abi.ts'
import { bytes } from '../../core/plan/program.ts'
import { compareFiles, digestMembers, lookAtFiles } from '../../core/unify/compare.ts'
import { makeLane } from '../../core/unify/lanes.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { failure, plan, scratch, session } from './support.ts'
import { ownMounts, write } from './unify_support.ts'

const test = suite('COMPARE', { needs: ['executor', 'root'], timeoutMs: 60_000 })

const hasShaInstructions = /\bsha_ni\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))

/** Inode flags, as chattr(1) sets them. */
const FS_NODUMP_FL = 0x40
const FS_NOATIME_FL = 0x80

async function place(t: TestContext) {
  const top = scratch(t)
  const lane = makeLane(await session(t))
  const member = (path: string, careful = false) => ({ root: top, path, careful })
  return { top, lane, member }
}

function tool(...argv: readonly string[]): void {
  const [program = '', ...args] = argv
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  assert.is(status, 0, `${argv.join(' ')}: ${stderr}`)
}

const leaders = (found: readonly { readonly leader: number; readonly error: number }[]) =>
  found.map(({ leader, error }) => (error === 0 ? leader : -error))

for (const size of [0, 1, 15, 16, 63, 64, 65, 4095, 4096, 131_071, 131_072, 131_073, 1_000_000]) {
  test(`files of ${size} bytes that differ in one byte, or in none`, async (t) => {
    const { top, lane, member } = await place(t)
    const content = Buffer.alloc(size, 'content')
    const places = [0, size >> 1, size - 1].filter((at, i, all) =>
      at >= 0 && all.indexOf(at) === i && at < size
    )
    writeFileSync(join(top, 'one'), content)
    writeFileSync(join(top, 'two'), content)
    for (const at of places) {
      const other = Buffer.from(content)
      other[at] = 1 + (other[at] ?? 0)
      writeFileSync(join(top, `at${at}`), other)
    }
    const names = ['one', ...places.map((at) => `at${at}`), 'two']
    const [found = []] = await compareFiles(lane, [{
      size,
      members: names.map((name) => member(name)),
    }])
    const expected = names.map((name, i) => (name === 'two' ? 0 : i))
    assert.equal(leaders(found), expected)
    const all = await digestMembers(lane, names.map((name) => ({ member: member(name), size })))
    for (const [i, name] of names.entries()) {
      const digest = hash('sha256', readFileSync(join(top, name)), 'hex')
      // Processors without the instructions leave them out, and so do those that compare nothing.
      const told = [all[i]?.digest, found[i]?.leader === i ? found[i]?.digest : undefined]
      for (const one of told) {
        if (one !== undefined) assert.is(Buffer.from(one).toString('hex'), digest)
      }
      if (hasShaInstructions) assert.is(told[0] === undefined, size === 0)
    }
    if (hasShaInstructions) assert.is(found[0]?.digest === undefined, size === 0)
  })
}

test('tells what it cannot read, and compares the rest', async (t) => {
  const { top, lane, member } = await place(t)
  mkdirSync(join(top, 'dir'))
  for (const name of ['a', 'dir/b', 'd']) writeFileSync(join(top, name), 'same')
  writeFileSync(join(top, 'longer'), 'same+')
  writeFileSync(join(top, 'shorter'), 'sam')
  symlinkSync('a', join(top, 'link'))
  symlinkSync('dir', join(top, 'to'))
  const paths = ['none', 'a', 'longer', 'dir/b', 'shorter', 'link', 'to/b', '../a', 'dir', 'd']
  const members = paths.map((path) => member(path))
  const [found = [], again = []] = await compareFiles(lane, [{ size: 4, members }, {
    size: 4,
    members: [member('d'), member('a')],
  }])
  assert.equal(leaders(found), [
    ...[-errno.ENOENT, 1, -errno.ESTALE, 1, -errno.ESTALE, -errno.ELOOP, -errno.ELOOP],
    ...[-errno.EXDEV, -errno.EISDIR, 1],
  ])
  assert.equal(leaders(again), [0, 0])
})

test('opens no device and no pipe where care is asked for', async (t) => {
  const { top, lane, member } = await place(t)
  writeFileSync(join(top, 'a'), '')
  tool('mknod', join(top, 'null'), 'c', '1', '3')
  tool('mkfifo', join(top, 'pipe'))
  symlinkSync('a', join(top, 'link'))
  const members = ['a', 'null', 'pipe', 'link', 'a'].map((name) => member(name, true))
  const [found = []] = await compareFiles(lane, [{ size: 0, members }])
  assert.equal(leaders(found), [0, -errno.ESTALE, -errno.ESTALE, -errno.ESTALE, 0])
})

test('crosses no mount, and says when a root is gone', async (t) => {
  const { top, lane, member } = await place(t)
  mkdirSync(join(top, 'mounted'))
  writeFileSync(join(top, 'a'), 'x')
  writeFileSync(join(top, 'mounted/b'), 'x')
  await ownMounts(lane.session, (main) => {
    main.call('mount', ['none', join(top, 'mounted'), 'tmpfs', 0, 0])
  })
  const gone = { root: join(top, 'nowhere'), path: 'a', careful: false }
  const [found = []] = await compareFiles(lane, [{
    size: 1,
    members: [gone, member('a'), member('mounted/b'), member('a')],
  }])
  assert.equal(leaders(found), [-errno.ENOENT, 1, -errno.EXDEV, 1])
})

test('tells inode flags, xattrs and what is in memory, and leaves the times alone', async (t) => {
  const { top, lane, member } = await place(t)
  for (const name of ['plain', 'flags', 'xattrs']) writeFileSync(join(top, name), 'x'.repeat(9000))
  tool('chattr', '+A', '+d', join(top, 'flags'))
  tool('setfattr', '-n', 'user.note', '-v', 'x', join(top, 'xattrs'))
  tool('setfattr', '-n', 'trusted.note', '-v', 'x', join(top, 'xattrs'))
  utimesSync(join(top, 'plain'), 1, 2)
  const members = ['plain', 'flags', 'xattrs'].map((name) => member(name))
  const [plain, flags, xattrs] = await lookAtFiles(lane, members)
  if (plain === undefined || flags === undefined || xattrs === undefined) throw new Error('none')
  const bits = FS_NODUMP_FL | FS_NOATIME_FL
  assert.is(plain.flags & bits, 0)
  assert.is(flags.flags, plain.flags | bits)
  assert.is(xattrs.xattrBytes - plain.xattrBytes, 'user.note\0trusted.note\0'.length)
  // Kernels before 6.5 do not tell.
  assert.ok([0, 3].includes(plain.cached), String(plain.cached))
  const [found = []] = await compareFiles(lane, [{ size: 9000, members }])
  assert.equal(leaders(found), [0, 0, 0])
  assert.is(statSync(join(top, 'plain')).atimeMs, 1000)
})

test('refuses tables that are not what they say, and leaves no descriptor', async (t) => {
  const { top, lane, member } = await place(t)
  writeFileSync(join(top, 'a'), 'x')
  await compareFiles(lane, [{ size: 1, members: [member('a'), member('a')] }])
  const head = (values: Partial<Record<string, bigint>>) =>
    write(layout.compare_head, {
      ...{ size: 1n, offset: 0n, length: 1n, count: 1n, reserved: 0n },
      ...values,
    })
  const entry = (path: string, values: Partial<Record<string, bigint>> = {}) => {
    const text = Buffer.alloc(Math.ceil((path.length + 1) / 8) * 8)
    text.write(path)
    const root = BigInt.asUintN(32, BigInt(AT_FDCWD))
    return Buffer.concat([
      write(layout.compare_entry, { root, flags: 0n, path_bytes: BigInt(path.length), ...values }),
      text,
    ])
  }
  const bad = [
    Buffer.alloc(8),
    head({}),
    head({ count: 0n }),
    Buffer.concat([head({ count: 257n }), ...Array.from({ length: 257 }, () => entry('a'))]),
    Buffer.concat([head({ count: 2n }), entry('a')]),
    Buffer.concat([head({ reserved: 1n }), entry('a')]),
    Buffer.concat([head({ offset: 2n }), entry('a')]),
    Buffer.concat([head({ length: 2n ** 63n }), entry('a')]),
    Buffer.concat([head({}), entry('a', { flags: 2n })]),
    Buffer.concat([head({}), entry('a', { path_bytes: 7n })]),
    Buffer.concat([head({}), entry('abc', { path_bytes: 2n })]),
    Buffer.concat([head({}), entry('a', { path_bytes: 60_000n })]),
    Buffer.concat([head({}), entry('a'), Buffer.alloc(8)]),
  ]
  for (const [i, table] of bad.entries()) {
    const one = plan((main) => main.emit('COMPARE', [bytes(table), 0]))
    assert.is((await failure(lane.session, one)).errnoName, 'EINVAL', String(i))
  }
  const flagged = plan((main) =>
    main.emit('COMPARE', [bytes(Buffer.concat([head({}), entry('a')])), 4])
  )
  assert.is((await failure(lane.session, flagged)).errnoName, 'EINVAL')
  const next = plan((main) => {
    main.keep('dup', [0])
    main.call('close', [{ kind: 'slot', slot: 16 }])
  })
  const before = (await lane.session.run(next)).slots[16]
  for (let i = 0; i < 3; i++) {
    await compareFiles(lane, [{
      size: 1,
      members: [member('a'), member('none'), member('a', true)],
    }])
  }
  assert.is((await lane.session.run(next)).slots[16], before)
})

test.run()
