/**
 * The layout of the single file.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { assemble, BUILD_MARKER, buildId, TRAILER_BYTES, withBuild } from '../../build/payload.ts'
import { suite } from '../support/suite.ts'

const test = suite('assemble()')
const build = new Uint8Array(32).fill(7)
const text = (value: string) => new TextEncoder().encode(value)

test('puts the trailer last and everything where it says', () => {
  const file = Buffer.from(
    assemble({
      executor: text('EXECUTOR'),
      unpacker: text('UNPACK'),
      files: [
        { name: 'node', mode: 0o500, size: 100, packed: text('packed node') },
        { name: 'libc.so.6', mode: 0o400, size: 50, packed: text('packed libc') },
      ],
      build,
    }),
  )
  const trailer = file.subarray(-TRAILER_BYTES)
  assert.is(trailer.toString('latin1', 0, 8), 'VSTRAIL1')
  assert.is(Number(trailer.readBigUInt64LE(8)), file.length)
  assert.is(Number(trailer.readBigUInt64LE(16)), 8)
  const unpackerAt = Number(trailer.readBigUInt64LE(24))
  const unpackerSize = Number(trailer.readBigUInt64LE(32))
  assert.is(file.toString('latin1', unpackerAt, unpackerAt + unpackerSize), 'UNPACK')
  const tableAt = Number(trailer.readBigUInt64LE(40))
  assert.is(trailer.readUInt32LE(48), 2)
  assert.is(Number(trailer.readBigUInt64LE(56)), 158)
  assert.equal(new Uint8Array(trailer.subarray(64, 96)), build)
  assert.equal(
    trailer.subarray(96).toString('hex'),
    createHash('sha256').update(file.subarray(0, -TRAILER_BYTES)).digest('hex'),
  )
  const names = ['node', 'libc.so.6']
  for (const [index, packed] of ['packed node', 'packed libc'].entries()) {
    const entry = file.subarray(tableAt + index * 80, tableAt + index * 80 + 80)
    assert.is(entry.toString('latin1', 0, 48).replace(/\0+$/, ''), names[index])
    const at = Number(entry.readBigUInt64LE(48))
    assert.is(file.toString('latin1', at, at + Number(entry.readBigUInt64LE(56))), packed)
    assert.is(entry.readUInt32LE(72), index === 0 ? 0o500 : 0o400)
  }
})

test('refuses names and numbers of files that the executor could not read', () => {
  const parts = { executor: text('E'), unpacker: text('U'), build }
  const file = { name: 'a', mode: 0, size: 0, packed: text('') }
  assert.throws(
    () => assemble({ ...parts, files: Array.from({ length: 33 }, () => file) }),
    /at most/,
  )
  assert.throws(
    () => assemble({ ...parts, files: [{ ...file, name: 'n'.repeat(48) }] }),
    /too long/,
  )
})

test.run()

const marked = suite('withBuild()')

marked('writes the id behind the marker and changes nothing else', () => {
  const plain = text(`ELF ${BUILD_MARKER}${'\0'.repeat(32)} rest`)
  const patched = withBuild(plain, build)
  assert.is(Buffer.from(patched).toString('latin1'), `ELF ${BUILD_MARKER}${'\x07'.repeat(32)} rest`)
  assert.is(plain[4 + BUILD_MARKER.length], 0)
})

marked('refuses an executor without exactly one marker', () => {
  assert.throws(() => withBuild(text('ELF'), build), /once/)
  assert.throws(() => withBuild(text(`${BUILD_MARKER} ${BUILD_MARKER}`), build), /once/)
  assert.throws(() => withBuild(text(BUILD_MARKER), new Uint8Array(31)), /32 bytes/)
})

marked.run()

const id = suite('buildId()')

id('depends on names and contents, not on their order', () => {
  const one = buildId(new Map([['a', text('1')], ['b', text('2')]]))
  assert.equal(one, buildId(new Map([['b', text('2')], ['a', text('1')]])))
  assert.not.equal(one, buildId(new Map([['a', text('2')], ['b', text('1')]])))
  assert.is(one.length, 32)
})

id.run()
