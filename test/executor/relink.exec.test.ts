import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { errno } from '../../core/linux/errno.ts'
import { MS_BIND } from '../../core/linux/constants/mount.ts'
import { AT_FDCWD } from '../../core/linux/constants/open.ts'
import { limit } from '../../core/plan/abi.ts'
import { bytes } from '../../core/plan/program.ts'
import { suite } from '../support/suite.ts'
import { failure, plan, scratch, session } from './support.ts'
import {
  becomeNobody,
  expected,
  ino,
  ownMounts,
  type RelinkEntry,
  relinkTable,
  runRelink,
  times,
  treeAndStore,
  within,
} from './unify_support.ts'

const test = suite('RELINK', { needs: ['executor', 'root'], timeoutMs: 60_000 })

/** An entry for the file of this name, as it is now. */
const entry = (
  dir: string,
  name: string,
  rest: Partial<RelinkEntry> & Pick<RelinkEntry, 'object'>,
): RelinkEntry => ({ name, action: 'LINK', ...expected(join(dir, name)), ...rest })

test('replaces a file by the object, adopts another, and keeps the times of the directory', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  writeFileSync(join(store, 'ab/cdef'), 'same')
  const odd = 'B\xf6tzow\n'
  writeFileSync(Buffer.from(join(dir, odd), 'latin1'), 'same')
  for (const name of ['a', 'b', 'c']) writeFileSync(join(dir, name), 'same')
  const stamps = ['@1234567890.123456789', '@-1.000000001', '@0', '@4102444800.999999999']
  for (const stamp of stamps) {
    writeFileSync(join(dir, 'fresh'), 'same')
    renameSync(join(dir, 'fresh'), join(dir, 'a'))
    rmSync(join(store, 'ab/0123'), { force: true })
    spawnSync('touch', ['-d', stamp, dir])
    const before = times(dir)
    const result = await runRelink(opened, {
      root: tree,
      path: 'usr/bin',
      store,
      table: relinkTable(before.mtime, [
        entry(dir, 'a', { object: 'ab/cdef' }),
        entry(dir, 'b', { object: 'ab/0123', action: 'ADOPT' }),
        {
          ...entry(dir, 'c', { object: 'ab/cdef' }),
          ...expected(Buffer.from(join(dir, odd), 'latin1')),
          name: odd,
        },
      ]),
    })
    assert.equal(result, [0, 0, 0])
    assert.equal(times(dir), before, stamp)
  }
  assert.is(ino(join(dir, 'a')), ino(join(store, 'ab/cdef')))
  assert.is(ino(Buffer.from(join(dir, odd), 'latin1')), ino(join(store, 'ab/cdef')))
  assert.is(ino(join(dir, 'b')), ino(join(store, 'ab/0123')))
  assert.is.not(ino(join(dir, 'c')), ino(join(store, 'ab/cdef')))
  assert.equal(readdirSync(store), ['ab'])
  assert.is(readFileSync(join(dir, 'a'), 'utf8'), 'same')
})

test('leaves alone what is no longer what was listed', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  writeFileSync(join(store, 'object'), 'same')
  const changes: Readonly<Record<string, (path: string) => void>> = {
    longer: (path) => {
      const { mtime } = times(path)
      writeFileSync(path, 'longer')
      spawnSync('touch', ['-d', `@${mtime / 1_000_000_000n}.${mtime % 1_000_000_000n}`, path])
    },
    touched: (path) => utimesSync(path, 1, 1),
    replaced: (path) => {
      writeFileSync(`${path}-new`, 'same')
      renameSync(`${path}-new`, path)
    },
    removed: (path) => rmSync(path),
    linked: (path) => {
      renameSync(path, join(tree, 'moved'))
      symlinkSync(join(tree, 'moved'), path)
    },
    directory: (path) => {
      rmSync(path)
      mkdirSync(path)
    },
  }
  const names = [...Object.keys(changes), 'mounted']
  for (const name of names) writeFileSync(join(dir, name), 'same')
  const entries = names.map((name) => entry(dir, name, { object: 'object' }))
  for (const [name, change] of Object.entries(changes)) change(join(dir, name))
  await ownMounts(opened, (main) => {
    // the same inode, but on another mount
    main.call('mount', [join(dir, 'mounted'), join(dir, 'mounted'), 0, MS_BIND, 0])
  })
  const state = () => readdirSync(dir).map((name) => [name, ino(join(dir, name))])
  const before = state()
  const stamp = times(dir)
  for (const action of ['LINK', 'ADOPT'] as const) {
    const object = action === 'LINK' ? 'object' : 'new'
    const table = relinkTable(0n, entries.map((each) => ({ ...each, action, object })))
    const result = await runRelink(opened, { root: tree, path: 'usr/bin', store, table })
    assert.equal(result, names.map(() => errno.ESTALE))
  }
  assert.equal(state(), before)
  assert.equal(times(dir), stamp)
  assert.equal(readdirSync(store).sort(), ['ab', 'object'])
})

test('has nothing to do for what is the object, known or not', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  writeFileSync(join(store, 'object'), 'same')
  linkSync(join(store, 'object'), join(dir, 'a'))
  const { mtime } = times(dir)
  const objectIno = ino(join(store, 'object'))
  for (const known of [{ objectIno }, {}]) {
    const table = relinkTable(known.objectIno === undefined ? mtime : 0n, [
      entry(dir, 'a', { object: 'object', ...known }),
    ])
    assert.equal(await runRelink(opened, { root: tree, path: 'usr/bin', store, table }), [0])
    assert.is(ino(join(dir, 'a')), objectIno)
    assert.is(times(dir).mtime, mtime)
    assert.equal(readdirSync(store).sort(), ['ab', 'object'])
  }
  // a rename that does nothing leaves the staging name in the way of the next one
  writeFileSync(join(store, 'other'), 'other')
  writeFileSync(join(dir, 'b'), 'other')
  const table = relinkTable(mtime, [
    entry(dir, 'a', { object: 'object' }),
    entry(dir, 'b', { object: 'other' }),
    entry(dir, 'a', { object: 'object' }),
  ])
  assert.equal(await runRelink(opened, { root: tree, path: 'usr/bin', store, table }), [0, 0, 0])
  assert.is(ino(join(dir, 'b')), ino(join(store, 'other')))
  assert.equal(readdirSync(store).sort(), ['ab', 'object', 'other'])
})

test('takes the place of a staging name that was left', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  writeFileSync(join(store, 'object'), 'same')
  writeFileSync(join(store, 'ab/left'), 'of another time')
  writeFileSync(join(dir, 'a'), 'same')
  const table = () => relinkTable(0n, [entry(dir, 'a', { object: 'object' })])
  const of = { root: tree, path: 'usr/bin', store, staging: 'ab/left' }
  assert.equal(await runRelink(opened, { ...of, table: table() }), [0])
  assert.is(ino(join(dir, 'a')), ino(join(store, 'object')))
  assert.equal(readdirSync(join(store, 'ab')), [])
  writeFileSync(join(dir, 'b'), 'same')
  mkdirSync(join(store, 'ab/left'))
  const blocked = relinkTable(0n, [entry(dir, 'b', { object: 'object' })])
  assert.equal(await runRelink(opened, { ...of, table: blocked }), [errno.EISDIR])
  assert.is.not(ino(join(dir, 'b')), ino(join(store, 'object')))
})

test('gives each entry its own errno, and goes on', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  const names = ['missing', 'taken', 'nowhere', 'fixed', 'solid', 'good']
  for (const name of names) writeFileSync(join(dir, name), 'same')
  for (const name of ['object', 'solid']) writeFileSync(join(store, name), 'same')
  t.cleanup(() => spawnSync('chattr', ['-i', join(dir, 'fixed'), join(store, 'solid')]))
  spawnSync('chattr', ['+i', join(dir, 'fixed'), join(store, 'solid')])
  const { mtime } = times(dir)
  const table = relinkTable(mtime, [
    entry(dir, 'missing', { object: 'ab/missing' }),
    entry(dir, 'taken', { object: 'object', action: 'ADOPT' }),
    entry(dir, 'nowhere', { object: 'cd/object', action: 'ADOPT' }),
    entry(dir, 'fixed', { object: 'object' }),
    entry(dir, 'fixed', { object: 'ab/fixed', action: 'ADOPT' }),
    entry(dir, 'solid', { object: 'solid' }),
    entry(dir, 'good', { object: 'object' }),
  ])
  const { ENOENT, EEXIST, EPERM } = errno
  assert.equal(
    await runRelink(opened, { root: tree, path: 'usr/bin', store, table }),
    [ENOENT, EEXIST, ENOENT, EPERM, EPERM, EPERM, 0],
  )
  const objects = names.filter((name) => ino(join(dir, name)) === ino(join(store, 'object')))
  assert.equal(objects, ['good'])
  assert.equal(readdirSync(store).sort(), ['ab', 'object', 'solid'])
  assert.is(times(dir).mtime, mtime)
})

test('gives all entries the errno of the directory', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  writeFileSync(join(dir, 'a'), 'same')
  symlinkSync('usr', join(tree, 'alias'))
  const file = entry(dir, 'a', { object: 'object', action: 'ADOPT' })
  const table = relinkTable(0n, [file, file, file])
  const { ENOENT, ENOTDIR, ELOOP, EXDEV } = errno
  const cases = { missing: ENOENT, 'usr/bin/a': ENOTDIR, 'alias/bin': ELOOP, '../tree/usr': EXDEV }
  for (const [path, error] of Object.entries(cases)) {
    const result = await runRelink(opened, { root: tree, path, store, table })
    assert.equal(result, [error, error, error], path)
  }
  assert.equal(readdirSync(store), ['ab'])
})

test('tells of a directory whose mtime cannot be set back', async (t) => {
  const opened = await session(t)
  const top = scratch(t)
  const { tree, store, dir } = treeAndStore(top)
  for (const path of ['object', 'own']) {
    writeFileSync(join(store, path), path)
    chownSync(join(store, path), 65534, 65534)
  }
  for (const name of ['a', 'b']) writeFileSync(join(dir, name), 'same')
  linkSync(join(store, 'own'), join(dir, 'c'))
  for (const path of [top, tree, join(tree, 'usr'), dir, store]) chmodSync(path, 0o777)
  await opened.run(becomeNobody)
  const table = relinkTable(0n, [
    entry(dir, 'a', { object: 'object' }),
    entry(dir, 'c', { object: 'own', objectIno: ino(join(store, 'own')) }),
    entry(dir, 'b', { object: 'missing' }),
  ])
  assert.equal(
    await runRelink(opened, { root: tree, path: 'usr/bin', store, table }),
    [errno.EPERM, 0, errno.ENOENT],
  )
  assert.is(ino(join(dir, 'a')), ino(join(store, 'object')))
})

test('does nothing when the reply has no room for the results', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  writeFileSync(join(dir, 'a'), 'same')
  const file = entry(dir, 'a', { object: 'object', action: 'ADOPT' })
  const mebi = bytes(1 << 20)
  const crowded = plan((main) => {
    for (let i = 1; i < limit.PLAN_BYTES >> 20; i++) main.emit('REPORT', [mebi, 1 << 20])
    main.emit('REPORT', [mebi, (1 << 20) - 7])
    within(main, tree, (dir) => {
      const table = relinkTable(0n, [file, file])
      within(main, store, (store) => main.emit('RELINK', [dir, 'usr/bin', table, store, 's']))
    })
  })
  assert.is((await failure(opened, crowded)).errnoName, 'ENOBUFS')
  assert.not(existsSync(join(store, 'object')))
})

test('of two that work on one directory leaves no staging name', async (t) => {
  const sessions = [await session(t), await session(t)]
  const { tree, store, dir } = treeAndStore(scratch(t))
  const names = Array.from({ length: 200 }, (_, i) => `file${i}`)
  for (const name of names) writeFileSync(join(store, 'ab', name), name)
  spawnSync('touch', ['-d', '@1234567890.123456789', dir])
  const { mtime } = times(dir)
  for (let round = 0; round < 20; round++) {
    for (const name of names) {
      writeFileSync(join(dir, `${name}-new`), name)
      renameSync(join(dir, `${name}-new`), join(dir, name))
    }
    const table = relinkTable(
      mtime,
      names.map((name) => entry(dir, name, { object: `ab/${name}` })),
    )
    const results = await Promise.all(
      sessions.map((opened, i) =>
        runRelink(opened, { root: tree, path: 'usr/bin', store, staging: `.staging${i}`, table })
      ),
    )
    names.forEach((name, i) => {
      const both = results.map((each) => each[i])
      assert.ok(both.includes(0), `${both}`)
      assert.ok(both.every((each) => each === 0 || each === errno.ESTALE), `${both}`)
      assert.is(ino(join(dir, name)), ino(join(store, 'ab', name)))
    })
    assert.equal(readdirSync(store), ['ab'])
    assert.is(times(dir).mtime, mtime)
  }
})

test('leaves no descriptor behind', async (t) => {
  const opened = await session(t)
  const { tree, store, dir } = treeAndStore(scratch(t))
  const next = plan((main) => {
    main.keep('dup', [0])
    main.call('close', [{ kind: 'slot', slot: 16 }])
  })
  const before = (await opened.run(next)).slots[16]
  writeFileSync(join(store, 'object'), 'same')
  for (const path of ['usr/bin', 'usr', 'missing']) {
    writeFileSync(join(dir, 'a'), 'same')
    const table = relinkTable(0n, [entry(dir, 'a', { object: 'object' })])
    await runRelink(opened, { root: tree, path, store, table })
  }
  assert.is((await opened.run(next)).slots[16], before)
  const closed = plan((main) => {
    const table = relinkTable(0n, [entry(dir, 'a', { object: 'object' })])
    main.emit('RELINK', [AT_FDCWD, dir.slice(1), table, 999, 'staging'])
  })
  await opened.run(plan((main) => main.call('chdir', ['/'])))
  const { bytes: reply } = await opened.run(closed)
  assert.is(reply[0], errno.EBADF)
})

test.run()
