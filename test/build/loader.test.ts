/**
 * The loader of packs: what it loads, when, and what becomes of a code cache that V8 refuses.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { makeLoader } from '../../build/loader/load.ts'
import { suite } from '../support/suite.ts'

const test = suite('makeLoader()')

const packs: Readonly<Record<string, string>> = {
  'first.js': `({
    "./a.js":function(exports,require,module){exports.a=1;exports.path=require("node:path")},
    "./b.js":function(exports,require,module){exports.a=require("./a.js").a;exports.c=()=>require("./c.js")},
  })`,
  'second.js': '({"./c.js":function(exports,require,module){module.exports="c"}})',
}

function loader(mark: string) {
  const asked: string[] = []
  const refused: string[] = []
  const load = makeLoader({
    packOf: { './a.js': 'first', './b.js': 'first', './c.js': 'second' },
    asset(name) {
      asked.push(name)
      // V8 does not look at the cache of a text that it has compiled before.
      return new TextEncoder().encode(packs[name] ? `${packs[name]}//${mark}` : mark).buffer
    },
    builtin: (name) => `built-in ${name}`,
    refused: (pack) => refused.push(pack),
  })
  return { load, asked, refused }
}

test('runs a chunk once, with what it requires', () => {
  const { load } = loader('once')
  const a = load('./a.js')
  assert.equal(a, { a: 1, path: 'built-in node:path' })
  assert.is(load('./a.js'), a)
})

test('compiles a pack when it is needed, although its code cache is useless', () => {
  const { load, asked, refused } = loader('not a code cache')
  const b = load('./b.js') as { a: number; c: () => string }
  assert.is(b.a, 1)
  assert.equal(asked, ['first.js', 'first.cache'])
  assert.equal(refused, ['first'])
  assert.is(b.c(), 'c')
  assert.equal(asked, ['first.js', 'first.cache', 'second.js', 'second.cache'])
  assert.equal(refused, ['first', 'second'])
})

test.run()
