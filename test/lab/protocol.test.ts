/**
 * What the lab and the agent say to one another.
 */
import { Buffer } from 'node:buffer'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { lines, parseLine, request } from './protocol.ts'

const test = suite('the protocol of the lab')

test('asks in one line, whatever the script holds', () => {
  const script = `echo 'a b'\nprintf "ü\\n"`
  const line = request(7, script, 30)
  const [, encoded = ''] = /^7 30 ([A-Za-z0-9+/=]+)\n$/.exec(line) ?? []
  assert.is(Buffer.from(encoded, 'base64').toString(), script)
})

test('understands what the agent says', () => {
  assert.equal(parseLine('@ready 6.1.0-1-amd64\r'), { kind: 'ready', release: '6.1.0-1-amd64' })
  assert.equal(parseLine('@7| a | b '), { kind: 'line', number: 7, text: 'a | b ' })
  assert.equal(parseLine('@7| '), { kind: 'line', number: 7, text: '' })
  assert.equal(parseLine('@7= 137'), { kind: 'end', number: 7, code: 137 })
})

test('takes nothing that a command prints for the agent’s word', () => {
  assert.equal(parseLine('@7| @7= 0'), { kind: 'line', number: 7, text: '@7= 0' })
  assert.equal(parseLine('@7| @ready x'), { kind: 'line', number: 7, text: '@ready x' })
  for (const line of ['', '@7=', '@7= ', '@7= x', '@x= 1', '@7', ' @7= 0', '@ready', '@ready ']) {
    assert.is(parseLine(line).kind, 'noise', line)
  }
})

test('cuts a stream into lines, however it comes', () => {
  const found: string[] = []
  const take = lines((line) => found.push(line))
  for (const chunk of ['a', 'b\nc\n', '\n', 'd', '\ne']) take(chunk)
  assert.equal(found, ['ab', 'c', '', 'd'])
})

test.run()
