import * as assert from 'uvu/assert'
import { checkKernel } from '../../core/host/check.ts'
import { parseHardLimits, probeCgroups, takesDetachedLayers } from '../../core/host/facts.ts'
import { RLIMIT_MEMLOCK, RLIMIT_NOFILE } from '../../core/linux/constants.ts'
import { suite } from '../support/suite.ts'

const test = suite('facts of the host')

test('parseHardLimits() reads numbers and unlimited', () => {
  const table = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max open files            1024                 20000                files     ',
    'Max locked memory         8388608              unlimited            bytes     ',
  ].join('\n')
  const hard = parseHardLimits(table)
  assert.is(hard[RLIMIT_NOFILE], 20000n)
  assert.is(hard[RLIMIT_MEMLOCK], (1n << 64n) - 1n)
})

test('a host without cgroup2 is refused with the way out', () => {
  assert.throws(
    () => probeCgroups('tmpfs /sys/fs/cgroup tmpfs rw 0 0\n'),
    /no cgroup2 file system is mounted/,
  )
})

test('kernels below 6.1 are refused, newer ones are not', () => {
  for (const old of ['5.10.0-30-amd64', '5.19.17', '6.0.19']) {
    const row = checkKernel(old)
    assert.not(row.found, old)
    assert.is(row.needed, 'start')
    assert.match(row.remedy, /6\.1/)
  }
  for (const good of ['6.1.0-56-cloud-amd64', '6.18.44-fc', '7.0.1', '10.2']) {
    assert.ok(checkKernel(good).found, good)
  }
})

test('detached layers need Linux 6.15', () => {
  assert.not(takesDetachedLayers('6.14.9'))
  assert.ok(takesDetachedLayers('6.15.0-rc1'))
  assert.ok(takesDetachedLayers('7.0.0'))
})

test.run()
