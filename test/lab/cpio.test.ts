/**
 * The archive of the first file system, read back by the cpio of another.
 */
import { Buffer } from 'node:buffer'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { encodeCpio } from './cpio.ts'

const test = suite('encodeCpio()')

test('writes header, name and content on bounds of four bytes', () => {
  const archive = encodeCpio([
    { path: 'bin', mode: 0o040755 },
    { path: 'bin/a', mode: 0o100755, content: Buffer.from('hello') },
  ])
  const text = archive.toString('latin1')
  assert.is(archive.length % 4, 0)
  assert.is(text.slice(0, 22), '07070100000001000041ed')
  const second = text.indexOf('070701', 6)
  assert.is(second % 4, 0)
  assert.is(text.slice(second + 54, second + 62), '00000005', 'size')
  assert.is(text.slice(second + 94, second + 102), '00000006', 'length of the name')
  assert.is(text.slice(second + 110, second + 121), 'bin/a\0hello')
  assert.ok(text.endsWith('TRAILER!!!\0\0\0\0'))
})

test('gives equal bytes for equal members', () => {
  const members = [{ path: 'a', mode: 0o100644, content: Buffer.from('1') }]
  assert.equal(encodeCpio(members), encodeCpio(members))
})

test.run()
