import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Index, type Row, withIndex } from '../../core/unify/index_file.ts'
import { suite, type TestContext } from '../support/suite.ts'

const test = suite('withIndex()')

function place({ cleanup }: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-index-'))
  cleanup(() => rmSync(directory, { recursive: true }))
  return join(directory, 'index.sqlite')
}

const onDamage = (aside: string) => assert.unreachable(aside)
const use = <T>(path: string, deed: (index: Index) => T) =>
  withIndex({ path, onDamage }, (index) => Promise.resolve(deed(index)))

const row = (ino: number, more: Partial<Row> = {}): Row => ({
  ...{
    ino,
    size: 10,
    blocks: 8,
    meta: 'm',
    mtimeSec: -5,
    mtimeNsec: 7,
    digest: null,
    object: null,
  },
  ...more,
})
const name = (tree: string, text: string) => ({ tree, directory: 'd\xff', name: text })

test('keeps files with their names, as bytes', async (context) => {
  const path = place(context)
  await use(path, (index) => {
    index.change(() => {
      index.put(row(1, { digest: new Uint8Array([1, 2]) }), [name('a', '\xfe\n'), name('b', 'x')])
      index.put(row(2 ** 40, { object: 'ab/cd' }), [])
      index.addTree('a', 'terms')
    })
  })
  await use(path, (index) => {
    assert.equal(index.ofSize(10).map(({ ino }) => ino), [1, 2 ** 40])
    assert.equal(index.ofIno(1)?.digest, new Uint8Array([1, 2]))
    assert.is(index.ofIno(1)?.mtimeSec, -5)
    assert.equal(index.names(1), [name('a', '\xfe\n'), name('b', 'x')])
    assert.equal(index.objects().map((one) => ({ ...one })), [{ ino: 2 ** 40, object: 'ab/cd' }])
    assert.equal([...index.trees()], [['a', 'terms']])
    index.put(row(1), [name('c', 'y')])
    assert.equal(index.names(1), [name('c', 'y')])
    index.drop(1)
    assert.is(index.ofIno(1), undefined)
    assert.equal(index.names(1), [])
  })
})

test('forgets a tree with the files that only it had', async (context) => {
  await use(place(context), (index) => {
    index.put(row(1), [name('a', 'x')])
    index.put(row(2), [name('a', 'x'), name('b', 'x')])
    index.put(row(3, { object: 'ab/cd' }), [name('a', 'y')])
    index.addTree('a', 'terms')
    index.dropTree('a')
    assert.equal(index.ofSize(10).map(({ ino }) => ino), [2, 3])
    assert.equal(index.names(2), [name('b', 'x')])
    assert.is(index.trees().size, 0)
  })
})

test('keeps nothing of a change that fails', async (context) => {
  await use(place(context), (index) => {
    assert.throws(() =>
      index.change(() => {
        index.put(row(1), [])
        throw new Error('no')
      }), 'no')
    assert.is(index.ofIno(1), undefined)
  })
})

test('puts aside what is damaged, and does all of it once more', async (context) => {
  const path = place(context)
  writeFileSync(path, 'no database')
  let aside = ''
  let times = 0
  await withIndex({ path, onDamage: (where) => (aside = where) }, (index) => {
    times++
    index.addTree('a', 'terms')
    if (times === 1) throw Object.assign(new Error('malformed'), { errcode: 11 })
    return Promise.resolve()
  }).catch((error: unknown) => assert.match(String(error), /malformed/))
  assert.is(aside, `${path}.damaged`)
  assert.ok(existsSync(aside))
  await use(path, () => undefined)
})

test('lets other errors pass', async (context) => {
  try {
    await use(place(context), () => {
      throw new Error('mine')
    })
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), 'mine')
  }
})

test.run()
