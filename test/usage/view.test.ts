import * as assert from 'uvu/assert'
import type { Contents, Mark, Node } from '../../core/usage/contents.ts'
import type { Linked } from '../../core/usage/ledger.ts'
import { seenIn } from '../../core/usage/view.ts'
import { suite } from '../support/suite.ts'

const test = suite('seenIn()')

type Sketch = { readonly [name: string]: number | 'whiteout' | Linked | Sketch | undefined }

/** A tree: numbers are files of so many bytes. */
function tree(sketch: Sketch, marked: Readonly<Record<string, Partial<Mark>>> = {}): Contents {
  const directories = new Map<string, Map<string, Node>>()
  const add = (path: string, entries: Sketch) => {
    const nodes = new Map<string, Node>()
    directories.set(path, nodes)
    for (const [name, value] of Object.entries(entries)) {
      if (value === undefined) continue
      if (value === 'whiteout') nodes.set(name, { kind: 'whiteout' })
      else if (typeof value === 'number') {
        nodes.set(name, { kind: 'file', bytes: value, linked: undefined })
      } else if (isLinked(value)) {
        nodes.set(name, { kind: 'file', bytes: value.bytes, linked: value })
      } else {
        nodes.set(name, { kind: 'directory', bytes: 1 })
        add(path === '' ? name : `${path}/${name}`, value)
      }
    }
  }
  add('', sketch)
  const marks = Object.entries(marked).map(([path, mark]) =>
    [path, { opaque: false, redirect: undefined, ...mark }] as const
  )
  return { bytes: 1, directories, marks: new Map(marks) }
}

function isLinked(value: Sketch | Linked): value is Linked {
  return Array.isArray(value['places'])
}

const seen = (...trees: readonly Contents[]) => seenIn(trees, new WeakMap())

test('adds up one tree, with its directories', () => {
  assert.equal(seen(tree({ a: 10, b: { c: 100 } })), { bytes: 112, inodes: 4 })
})

test('leaves out what is covered, whited out and hidden by an opaque directory', () => {
  const lower = tree({ a: 10, b: 20, d: { x: 100, y: 200 }, o: { z: 400 } })
  const upper = tree({ a: 11, b: 'whiteout', d: { x: 'whiteout', n: 1000 }, o: { k: 2000 } }, {
    o: { opaque: true },
  })
  // Directories: the root, d and o.
  assert.equal(seen(upper, lower), { bytes: 11 + 200 + 1000 + 2000 + 3, inodes: 7 })
})

test('shows a file in the place of a directory, and the other way round', () => {
  const lower = tree({ a: { x: 100 }, b: 50, c: { y: 7 } })
  const middle = tree({ c: 1000 })
  const upper = tree({ a: 10, b: { z: 20 }, c: { k: 3 } })
  assert.equal(seen(upper, middle, lower), { bytes: 10 + 20 + 3 + 3, inodes: 6 })
})

test('counts an inode once, whichever trees have its names', () => {
  const one: Linked = { bytes: 500, places: [0, 1] }
  const lower = tree({ a: one, b: { c: one, d: 1 } })
  assert.equal(seen(tree({ e: one }), lower), { bytes: 500 + 1 + 2, inodes: 4 })
})

test('finds what a renamed directory has', () => {
  const lower = tree({ a: { x: 100, sub: { deep: 7 } }, c: {} })
  const same = tree({ a: 'whiteout', b: { n: 10 } }, { b: { redirect: 'a' } })
  assert.equal(seen(same, lower), { bytes: 100 + 7 + 10 + 4, inodes: 7 })
  const away = tree({ a: 'whiteout', c: { d: { sub: { m: 20 } } } }, { 'c/d': { redirect: '/a' } })
  assert.equal(seen(away, lower), { bytes: 100 + 7 + 20 + 4, inodes: 7 })
})

test('follows a rename of a rename through the layers', () => {
  const lower = tree({ a: { x: 100 }, p: { q: {} } })
  const middle = tree({ a: 'whiteout', p: { b: { y: 10 } } }, { 'p/b': { redirect: '/a' } })
  const upper = tree({ p: { b: 'whiteout' }, z: { w: 1000 } }, { z: { redirect: '/p/b' } })
  assert.equal(seen(upper, middle, lower), { bytes: 1110 + 4, inodes: 7 })
})

test('heeds no mark of the template', () => {
  const lower = tree({ a: { x: 100 }, b: {} }, { b: { redirect: '/a' }, a: { opaque: true } })
  assert.equal(seen(tree({ b: { y: 1 } }), lower), { bytes: 101 + 3, inodes: 5 })
})

test.run()
