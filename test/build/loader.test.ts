/**
 * The loader of scripts: what it loads, when, and what becomes of a code cache that V8 refuses.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { makeLoader } from '../../build/loader/load.ts'
import { suite } from '../support/suite.ts'

const test = suite('makeLoader()')

const scripts: Readonly<Record<string, string>> = {
  'first.js': `(function(exports,require,module){
    exports.a=1;exports.path=require("node:path");exports.c=()=>require("./module/core/c.ts")})`,
  'pack.js': `(function(exports,require,module){
    module.exports={"core/c.ts":{default:"c",a:require("./first.js").a}}})`,
  'common.js': `(function(exports,require,module){const common={a:2};
    Object.defineProperty(common,"__esModule",{get:()=>true,enumerable:true});
    module.exports={"common.cjs":common}})`,
}

function loader(mark: string) {
  const asked: string[] = []
  const refused: string[] = []
  const load = makeLoader({
    packOf: { 'core/c.ts': 'pack', 'common.cjs': 'common' },
    asset(name) {
      asked.push(name)
      // V8 does not look at the cache of a text that it has compiled before.
      return new TextEncoder().encode(scripts[name] ? `${scripts[name]}//${mark}` : mark).buffer
    },
    builtin: (name) => `built-in ${name}`,
    refused: (script) => refused.push(script),
  })
  return { load, asked, refused }
}

interface First {
  readonly a: number
  readonly path: string
  readonly c: () => { readonly default: string; readonly a: number; readonly __esModule: boolean }
}

test('runs a script once, with what it requires', () => {
  const { load } = loader('once')
  const first = load('./first.js') as First
  assert.is(first.a, 1)
  assert.is(first.path, 'built-in node:path')
  assert.is(load('./first.js'), first)
})

test('gives a module out of its pack, which is loaded when it is needed', () => {
  const { load, asked } = loader('pack')
  const first = load('./first.js') as First
  assert.equal(asked, ['first.js', 'first.cache'])
  const c = first.c()
  assert.is(c.default, 'c')
  assert.is(c.a, 1)
  assert.is(c.__esModule, true)
  assert.is(first.c(), c)
  assert.equal(asked, ['first.js', 'first.cache', 'pack.js', 'pack.cache'])
})

test('takes a module that came of CommonJS and says so by an accessor', () => {
  const { load } = loader('accessor')
  const common = load('./module/common.cjs') as { readonly a: number; readonly __esModule: boolean }
  assert.is(common.a, 2)
  assert.is(common.__esModule, true)
})

test('goes on where a code cache is useless, and says so', () => {
  const { load, refused } = loader('not a code cache')
  assert.is((load('./first.js') as First).c().a, 1)
  assert.equal(refused, ['first', 'pack'])
})

test.run()
