import * as assert from 'uvu/assert'
import { toVServerError } from '../../core/cli/report.ts'
import { VServerError } from '../../core/errors.ts'
import { namingFullDisk, noRoomCode } from '../../core/host/full_disk.ts'
import { suite } from '../support/suite.ts'

const test = suite('namingFullDisk()')

/** As Node makes them: it has no name for the second. */
const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
  ...{ code: 'ENOSPC', errno: -28, syscall: 'write' },
})
const quota = Object.assign(new Error('Unknown system error -122: write'), {
  ...{ code: 'Unknown system error -122', errno: -122, syscall: 'write', path: '/x' },
})

function thrownBy(cause: Error): VServerError {
  try {
    namingFullDisk('/a/file', () => {
      throw cause
    })
  } catch (error) {
    if (error instanceof VServerError) return error
  }
  throw new Error('it threw none of ours')
}

test('names what has no room', () => {
  const error = thrownBy(full)
  assert.is(error.message, 'Cannot write "/a/file": its file system is full')
  assert.equal([error.code, error.details], [
    'E_DISK_FULL',
    { path: '/a/file', errno: 'ENOSPC' },
  ])
})

test('knows quotas, which Node does not', () => {
  const error = thrownBy(quota)
  assert.is(error.message, 'Cannot write "/a/file": the disk quota is used up')
  assert.equal([error.code, error.details], [
    'E_DISK_FULL',
    { path: '/a/file', errno: 'EDQUOT' },
  ])
  assert.is(toVServerError(quota, { interrupted: false }).code, 'E_DISK_FULL')
})

test('lets everything else pass', () => {
  for (const other of [new Error('x'), Object.assign(new Error('y'), { code: 'EIO', errno: -5 })]) {
    assert.is(noRoomCode(other), undefined)
    assert.throws(() =>
      namingFullDisk('/a/file', () => {
        throw other
      }), (thrown: unknown) => thrown === other)
  }
})

test.run()
