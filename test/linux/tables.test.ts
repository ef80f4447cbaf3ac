import { suite } from '../support/suite.ts'
import * as assert from 'uvu/assert'
import {
  capabilitiesOf,
  capability,
  capabilityData,
  capabilityHeader,
  capabilityMask,
  capabilityNames,
} from '../../core/linux/capabilities.ts'
import { errno, errnoName } from '../../core/linux/errno.ts'
import { parseSignal, signal, signalName } from '../../core/linux/signals.ts'

const test = suite('tables of core/linux')

test('parseSignal() takes names with and without SIG, numbers and real-time signals', () => {
  for (const [name, number] of Object.entries(signal)) {
    assert.is(parseSignal(name), number)
    assert.is(parseSignal(name.slice(3).toLowerCase()), number)
    assert.is(parseSignal(String(number)), number)
    assert.is(signalName(number), name)
  }
  assert.is(parseSignal('SIGRTMIN+3'), 37)
  assert.is(parseSignal('rtmin'), 34)
  assert.is(parseSignal('RTMAX-1'), 63)
  assert.is(parseSignal('64'), 64)
  assert.is(signalName(37), 'SIGRTMIN+3')
  assert.is(signalName(64), 'SIGRTMIN+30')
})

test('parseSignal() refuses what is no signal', () => {
  for (
    const word of [
      '',
      '0',
      '65',
      '-1',
      'SIG',
      'SIGSIGTERM',
      'RTMAX+1',
      'RTMIN-1',
      'RTMIN+31',
      '1e1',
    ]
  ) {
    assert.is(parseSignal(word), undefined, word)
  }
  assert.is(parseSignal('__proto__'), undefined)
  assert.is(signalName(0), 'signal 0')
})

test('errnoName() knows both signs', () => {
  for (const [name, number] of Object.entries(errno)) {
    assert.is(errnoName(number), name)
    assert.is(errnoName(-number), name)
  }
  assert.is(errnoName(4095), 'errno 4095')
})

test('capabilities: masks and back', () => {
  assert.is(capabilityNames.length, 41)
  assert.is(capabilityMask(['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE']), 1n << 40n | 1n)
  assert.is(capabilityMask(capabilityNames), (1n << 41n) - 1n)
  assert.equal(capabilitiesOf((1n << 63n) | (1n << 21n)), ['CAP_SYS_ADMIN'])
  assert.is(capability.CAP_SYS_ADMIN, 21)
})

test('capabilityData() puts low words first, then high words', () => {
  const words = new Uint32Array(
    capabilityData({
      effective: 1n << 40n | 1n,
      permitted: 0xffffffffffn,
      inheritable: 1n << 32n,
    }).slice().buffer,
  )
  assert.equal([...words], [1, 0xffffffff, 0, 0x100, 0xff, 1])
  assert.equal([...capabilityHeader()], [0x22, 0x05, 0x08, 0x20, 0, 0, 0, 0])
})

test.run()
