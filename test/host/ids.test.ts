import * as assert from 'uvu/assert'
import { parsePasswd, parseSubIds } from '../../core/host/ids.ts'
import { mountOf } from '../../core/host/mounts.ts'
import { rootAt } from '../../core/host/root.ts'
import { suite } from '../support/suite.ts'

const test = suite('parseSubIds()')

test('reads ranges, and skips what is none', () => {
  const text = 'alice:100000:65536\n# comment\nbob:165536:65536\n\nbroken:x:y\n1000:300000:1\n'
  assert.equal(parseSubIds(text), [
    { first: 100000, count: 65536 },
    { first: 165536, count: 65536 },
    { first: 300000, count: 1 },
  ])
})

test('parsePasswd() reads users and their groups', () => {
  assert.equal(parsePasswd('root:x:0:0:root:/root:/bin/sh\nn:x:65534:65533::/:/x\nbad\n'), [
    { first: 0, count: 1 },
    { first: 0, count: 1 },
    { first: 65534, count: 1 },
    { first: 65533, count: 1 },
  ])
})

test('mountOf() finds the innermost and topmost mount', () => {
  const line = (point: string, options: string) => `1 2 0:3 / ${point} ${options} - ext4 /dev/x rw`
  const table = [
    line('/', 'rw,relatime'),
    line('/var', 'rw,noexec'),
    line('/var/lib', 'ro'),
    line('/var/lib', 'rw,nosuid'),
    line('/with\\040space', 'ro'),
    line('/variable', 'ro'),
  ].join('\n')
  assert.equal(mountOf(table, '/var/log'), { point: '/var', options: ['rw', 'noexec'] })
  assert.equal(mountOf(table, '/var/lib/x')?.options, ['rw', 'nosuid'])
  assert.is(mountOf(table, '/with space/x')?.point, '/with space')
  assert.is(mountOf(table, '/va')?.point, '/')
  assert.is(mountOf(table, '/var/lib')?.point, '/var/lib')
})

test('rootAt() puts everything below the root', () => {
  const root = rootAt('/tmp/x/')
  assert.is(root.dir, '/tmp/x')
  assert.is(root.lib, '/tmp/x/var/lib/vserver')
  assert.is(root.run, '/tmp/x/run/vserver')
  assert.is(root.etc, '/tmp/x/etc/vserver')
  assert.match(root.digest6, /^[0-9a-f]{6}$/)
  assert.is(rootAt(undefined).lib, '/var/lib/vserver')
  // FNV-1a of 64 bits, from a second implementation.
  assert.is(rootAt('').digest6, 'af63a2')
  assert.not(rootAt('/a').digest6 === rootAt('/b').digest6)
})

test.run()
