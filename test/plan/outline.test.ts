import * as assert from 'uvu/assert'
import { planStart } from '../../core/context/index.ts'
import { outline } from '../../core/plan/outline.ts'
import { guest, hybrid } from '../context/support.ts'
import { suite } from '../support/suite.ts'

const test = suite('outline()')
const text = outline(planStart(guest, hybrid).plan, guest.name)

test('says each step once, with its system calls', () => {
  assert.match(text, /switch to the root file system\n {8}fchdir pivot_root umount2\n/)
  assert.is(text.split('switch to the root file system').length, 2)
})

test('counts equal neighbours, and leaves out what only stores a value', () => {
  assert.match(text, /prctl ×\d+/)
  assert.not.match(text, /\bput\b|\bdecimal\b/)
})

test('names the guest nowhere but where it matters', () => {
  assert.not.match(text, /for guest "web"/)
})

test.run()
