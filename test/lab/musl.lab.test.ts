/**
 * The host whose only C library is musl, with its state on XFS.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeEmpty } from './image.ts'
import { type Machine, machine } from './machine.ts'
import { labNeeds } from './needs.ts'
import { inLab } from './places.ts'
import { tinyTree } from './tiny.ts'

const test = suite('the host musl on Linux 6.12', { needs: labNeeds, timeoutMs: 300_000 })
const state = inLab(`state-${process.pid}`)
let it: Machine

test.before(async () => {
  await makeEmpty(state, 'xfs', 2 ** 30)
  it = await machine({ host: 'musl', kernel: '6.12', purpose: 'life', tree: true, state })
  await it.boot()
})
test.after(async () => {
  rmSync(state, { force: true })
  await it.end()
})

test('has musl as its only C library', async () => {
  const libraries = (await it.must(`find / -xdev -name '*.so*'`)).trim().split('\n')
  assert.equal(libraries.toSorted(), ['/lib/ld-musl-x86_64.so.1', '/lib/libc.musl-x86_64.so.1'])
  assert.match(await it.must('cat /proc/1/maps'), /\/lib\/libc\.musl-x86_64\.so\.1$/m)
})

test('runs guests', async () => {
  assert.match(await it.must('vserver check'), /^This host can run guests\.$/m)
  assert.match(await it.must('grep /var/lib/vserver /proc/mounts'), / xfs /)
  await it.must(tinyTree)
  await it.must('vserver create tiny --from dir:/tmp/tiny')
  assert.is(await it.must('vserver start tiny'), 'tiny started\n')
  await it.must('vserver exec tiny -- /true-static')
  assert.is(await it.must('vserver stop tiny'), 'tiny stopped\n')
  await it.must('vserver clone tiny other && vserver start tiny other')
  await it.must('vserver exec other -- /true-static')
  await it.must('vserver stop --all && vserver destroy --all --yes')
})

test.run()
