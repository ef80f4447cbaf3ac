import { Buffer } from 'node:buffer'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { layout } from '../../core/plan/abi.ts'
import { OpFailure } from '../../core/plan/failure.ts'
import { offsetOf, sizeOf } from '../../core/plan/layout.ts'
import { bytes, type Cell, part } from '../../core/plan/program.ts'
import type { Session } from '../../core/plan/session.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { failure, plan, scratch, session } from './support.ts'
import {
  expected,
  ino,
  type Relinking,
  relinking,
  relinkTable,
  runRelink,
  times,
  treeAndStore,
  within,
} from './unify_support.ts'

const test = suite('tables of RELINK', { needs: ['executor', 'root'], timeoutMs: 60_000 })

const HEAD = sizeOf(layout.relink_head)
const ENTRY = sizeOf(layout.relink_entry)

/** A tree of three files, and a table that has all of them changed. */
function three(t: TestContext) {
  const { tree, store, dir } = treeAndStore(scratch(t))
  for (const name of ['alpha', 'b']) writeFileSync(join(store, name), 'same')
  for (const name of ['one', 'two', 'three']) writeFileSync(join(dir, name), 'same')
  const file = (name: string) => ({ name, ...expected(join(dir, name)) })
  const table = relinkTable(0n, [
    { ...file('one'), object: 'alpha', action: 'LINK' },
    { ...file('two'), object: 'ab/cdef', action: 'ADOPT' },
    { ...file('three'), object: 'b', action: 'LINK' },
  ])
  const state = () =>
    JSON.stringify([store, join(store, 'ab'), dir].map((each) => [
      readdirSync(each).map((name) => [name, `${ino(join(each, name))}`]),
      `${times(each).mtime}`,
    ]))
  return { of: { root: tree, path: 'usr/bin', store }, table, state, tree }
}

/** A copy of a table with bytes at `offset` changed. */
function edited(table: Cell, offset: number, change: readonly number[]): Cell {
  const copy = table.bytes.slice()
  copy.set(change, offset)
  return bytes(copy)
}

async function refused(opened: Session, of: Relinking, what: string): Promise<void> {
  assert.is((await failure(opened, relinking(of))).errnoName, 'EINVAL', what)
}

const head = (name: (typeof layout.relink_head)[number][0]) => offsetOf(layout.relink_head, name)
const first = (name: (typeof layout.relink_entry)[number][0]) =>
  HEAD + offsetOf(layout.relink_entry, name)

test('are refused when they are cut or go on, and nothing is changed', async (t) => {
  const opened = await session(t)
  const { of, table, state } = three(t)
  const before = state()
  for (let length = 0; length < table.bytes.length; length++) {
    await refused(opened, { ...of, table: bytes(table.bytes.slice(0, length)) }, `${length} bytes`)
  }
  for (const more of [1, 7, 8, 48, 64]) {
    const longer = Buffer.concat([table.bytes, Buffer.alloc(more)])
    await refused(opened, { ...of, table: bytes(longer) }, `${more} bytes more`)
  }
  assert.is(state(), before)
  assert.equal(await runRelink(opened, { ...of, table }), [0, 0, 0])
})

test('are refused for each field that is wrong, and nothing is changed', async (t) => {
  const opened = await session(t)
  const { of, table, state } = three(t)
  const before = state()
  const size = table.bytes[first('entry_bytes')] ?? 0
  const cases: readonly (readonly [at: number, ...change: number[]])[] = [
    [head('count'), 2],
    [head('count'), 4],
    [head('count'), 0],
    [head('count'), 0xff, 0xff, 0xff, 0xff],
    // 1,000,000,000, UTIME_NOW, UTIME_OMIT
    [head('mtime_nsec'), 0x00, 0xca, 0x9a, 0x3b],
    [head('mtime_nsec'), 0xff, 0xff, 0xff, 0x3f],
    [head('mtime_nsec'), 0xfe, 0xff, 0xff, 0x3f],
    [first('action'), 0],
    [first('action'), 3],
    [first('action'), 1, 1],
    [first('entry_bytes'), 0],
    [first('entry_bytes'), size - 8],
    [first('entry_bytes'), size + 1],
    [first('entry_bytes'), size + 4],
    [first('entry_bytes'), size + 8],
    [first('entry_bytes'), 0xff, 0xff],
    [first('entry_bytes'), 0xf8, 0xff],
    [first('name_bytes'), 0],
    [first('name_bytes'), 2],
    [first('name_bytes'), 4],
    [first('name_bytes'), 0xff, 0xff],
    [first('object_bytes'), 0],
    [first('object_bytes'), 4],
    [first('object_bytes'), 6],
    [first('object_bytes'), 0xff, 0xff],
    [first('reserved'), 1],
    [first('reserved') + 3, 1],
  ]
  for (const [at, ...change] of cases) {
    await refused(opened, { ...of, table: edited(table, at, change) }, `${at}: ${change}`)
  }
  assert.is(state(), before)
})

test('are refused for texts that are no names, and nothing is changed', async (t) => {
  const opened = await session(t)
  const { of, table, state } = three(t)
  const before = state()
  const file = { ino: 1n, size: 1n, mtime: 1n, action: 'ADOPT' } as const
  for (const name of ['', '.', '..', '/', 'a/b', 'a/', '/a', './a', 'a\0b']) {
    const wrong = relinkTable(0n, [{ ...file, name, object: 'object' }])
    await refused(opened, { ...of, table: wrong }, `name ${name}`)
  }
  const paths = ['', '.', '..', '/', '/a', 'a/', 'a//b', './a', 'a/.', '../a', 'a/..', 'a/../b']
  for (const object of [...paths, 'a\0b']) {
    const wrong = relinkTable(0n, [{ ...file, name: 'a', object }])
    await refused(opened, { ...of, table: wrong }, `object ${object}`)
  }
  for (const staging of paths) {
    await refused(opened, { ...of, table, staging }, `staging ${staging}`)
  }
  // the NUL behind the name, and the one behind the object
  for (const at of [3, 9]) {
    await refused(opened, { ...of, table: edited(table, HEAD + ENTRY + at, [0x61]) }, `NUL ${at}`)
  }
  assert.is(state(), before)
  for (const name of ['...', '..a', '.a', 'a.', '-']) {
    const fine = relinkTable(0n, [{ ...file, name, object: `${name}/${name}` }])
    assert.is((await runRelink(opened, { ...of, table: fine })).length, 1)
  }
})

test('may lie at any offset, and be empty', async (t) => {
  const opened = await session(t)
  const { of, table, tree } = three(t)
  const shifted = bytes(Buffer.concat([Buffer.alloc(3), table.bytes]), 8)
  const run = plan((main) => {
    within(main, tree, (dir) => {
      within(main, of.store, (store) => {
        const whole = part(shifted, { offset: 3, length: table.bytes.length })
        main.emit('RELINK', [dir, 'usr/bin', whole, store, 'staging'])
        main.emit('RELINK', [dir, 'usr/bin', relinkTable(0n, []), store, 'staging'])
        main.emit('RELINK', [dir, 'missing', relinkTable(0n, []), store, 'staging'])
      })
    })
  })
  assert.equal([...(await opened.run(run)).bytes], new Array(12).fill(0))
})

/** A generator of numbers that is the same in every run. */
function random(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(state / 2 ** 32 * below)
  }
}

test('of any content are refused, or give a result for each entry', async (t) => {
  const opened = await session(t)
  const { of, table } = three(t)
  mkdirSync(join(of.store, 'cd'))
  const next = random(1)
  let taken = 0
  for (let i = 0; i < 3000; i++) {
    const copy = table.bytes.slice(0, table.bytes.length - (next(8) === 0 ? next(64) : 0))
    for (let k = next(4); k >= 0; k--) copy[next(copy.length)] = next(3) === 0 ? next(256) : next(9)
    try {
      const result = await runRelink(opened, { ...of, table: bytes(copy) })
      assert.is(result.length, new DataView(copy.buffer).getUint32(head('count'), true))
      taken++
    } catch (error) {
      if (!(error instanceof OpFailure)) throw error
      assert.is(error.errnoName, 'EINVAL')
    }
  }
  assert.ok(taken > 100 && taken < 2900, `${taken} were taken`)
})

test.run()
