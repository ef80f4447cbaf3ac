import * as assert from 'uvu/assert'
import { dump } from '../../core/plan/dump.ts'
import { encode } from '../../core/plan/encode.ts'
import { parse } from '../../core/plan/parse.ts'
import { suite } from '../support/suite.ts'
import { samplePlan } from './sample.ts'

const test = suite('parse()')

const HEAD = 'plan 1 slots 20\n\nprogram MAIN\n  step 0 "try"\n'

test('reads back what dump() writes, byte for byte', () => {
  const text = dump(samplePlan())
  assert.equal(encode(parse(text)), encode(samplePlan()))
  assert.is(dump(parse(text)), text)
})

test('reads calls that have no name', () => {
  const text = `${HEAD}  s16 = call 999 "new \\"call"(1, s17) ignore EPERM,4000 whole 0\n`
  const [op] = parse(text).programs[0]?.ops ?? []
  assert.is(op?.nr, 999)
  assert.is(op?.call, 'new "call')
  assert.equal(op?.ignore, [1, 4000])
  assert.is(op?.whole, 0)
  assert.is(dump(parse(text)), text)
})

test('names the line that is wrong', () => {
  const wrong: readonly (readonly [text: string, message: RegExp])[] = [
    ['', /line 1, .*not a plan/],
    ['plan 2 slots 1\n', /line 1, .*version 2/],
    [`${HEAD}  nosuchcall()\n`, /line 5, .*no system call nosuchcall/],
    [`${HEAD}  constructor()\n`, /no system call constructor/],
    [`${HEAD}  close(c9)\n`, /no cell c9/],
    [`${HEAD}  close(1\n`, /line 5, .*", " expected/],
    [`${HEAD}  close(1) now\n`, /something left over/],
    [`${HEAD}  close("a\\x00b")\n`, /a NUL in a text/],
    [`${HEAD}  close("é")\n`, /is no byte/],
    [`${HEAD}  close(1) ignore EWHAT\n`, /no error EWHAT/],
    [`${HEAD}  close("abc"[2+9])\n`, /outside a cell/],
    ['plan 1 slots 1\n\nprogram NOBODY\n', /no role NOBODY/],
    ['plan 1 slots 1\n\n  close(1)\n', /outside of a program/],
    ['plan 1 slots 1\n\nprogram MAIN\n  close(1)\n', /before its step/],
    ['plan 1 slots 1\ncell c0 size 1 align 1\n  0000 0102\n', /behind the end/],
    ['plan 1 slots 1\ncell c0 size 1 align 1\ncell c0 size 1 align 1\n', /second time/],
  ]
  for (const [text, message] of wrong) {
    assert.throws(
      () => parse(text),
      (error: unknown) => error instanceof RangeError && message.test(error.message),
      `${text} → ${message}`,
    )
  }
})

test.run()
