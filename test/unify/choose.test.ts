import * as assert from 'uvu/assert'
import { adoption, choose, type EqualFiles, links } from '../../core/unify/choose.ts'
import type { Known } from '../../core/unify/match.ts'
import { isObjectName, objectName, variantName, variantOf } from '../../core/unify/meta_key.ts'
import type { FileNode, Name, Tree } from '../../core/unify/tree.ts'
import { suite } from '../support/suite.ts'

const test = suite('choose()')

const tree = (id: string): Tree => ({ id, path: `/${id}`, writable: false, excludes: [] })
const named = (id: string, name: string): Name => ({
  ...{ tree: tree(id), directory: 'd', mtimeSec: 5, mtimeNsec: 6, name },
})
const stamp = { size: 10, mtimeSec: 1, mtimeNsec: 2 }
const file = (ino: number, names: readonly Name[], more: Partial<FileNode> = {}): FileNode => ({
  ...{ ino, ...stamp, blocks: 8, ctimeSec: 0, ctimeNsec: 0, uid: 0, gid: 0, mode: 0o100644 },
  ...{ number: ino, nlink: names.length, names, cached: 0, writable: false, object: undefined },
  ...more,
})
const known = (ino: number, object: string | null, names: readonly Name[]): Known => ({
  row: { ino, ...stamp, blocks: 8, meta: 'm', digest: null, object },
  ...{ member: { root: '/', path: 'p', careful: false }, names, cached: 0 },
})
const content = new Uint8Array(32)
const equal = (files: readonly FileNode[], more: readonly Known[] = []): EqualFiles => ({
  ...{ files, known: more, content, meta: 'm', basic: 'm' },
})
const plain = objectName(content, 'm')

test('what is in the store stays, and all else gives way', () => {
  const choice = choose(equal([file(1, [named('a', 'x')])], [
    known(2, plain, []),
    known(3, null, [named('b', 'y')]),
  ]))
  assert.is(choice.stays.ino, 2)
  assert.equal(adoption(choice), [])
  assert.equal(
    links(choice).map(({ file: { ino }, objectIno, object }) => [ino, objectIno, object]),
    [
      [1, 2, plain],
      [3, 2, plain],
    ],
  )
})

test('of objects the last one stays, and the full ones are left alone', () => {
  const inStore = [known(2, plain, []), known(3, `${plain}.10`, []), known(4, `${plain}.9`, [])]
  const choice = choose(equal([file(1, [named('a', 'x')])], inStore))
  assert.is(choice.stays.ino, 3)
  assert.equal(choice.give.map((one) => one.file.ino), [1])
})

test('else what takes the fewest blocks, and then has the most names', () => {
  const one = [named('a', 'x')]
  const two = [named('b', 'x'), named('b', 'y')]
  assert.is(choose(equal([file(1, one), file(2, two)])).stays.ino, 2)
  const choice = choose(equal([file(1, one, { blocks: 1 }), file(2, two)]))
  assert.is(choice.stays.ino, 1)
  assert.equal(adoption(choice).map(({ action, object, file: { ino } }) => [action, object, ino]), [
    ['ADOPT', plain, 1],
  ])
  assert.equal(links(choice).map(({ name }) => name.name), ['x', 'y'])
})

test('variants of an object have a number', () => {
  assert.is(variantName(plain, 0), plain)
  assert.is(variantName(`${plain}.3`, 4), `${plain}.4`)
  assert.is(variantOf(plain), 0)
  assert.is(variantOf(variantName(plain, 12)), 12)
  for (const name of [plain, `${plain}.1`]) assert.ok(isObjectName(name))
  for (const name of [`${plain}.damaged`, `x/${plain}`, plain.slice(1), '.journal']) {
    assert.not(isObjectName(name))
  }
})

test.run()
