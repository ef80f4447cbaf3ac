/**
 * A kernel that is too old: vserver says so, and does nothing.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { type Machine, machine } from './machine.ts'
import { labNeeds } from './needs.ts'

const test = suite('the bare host on Linux 5.10', { needs: labNeeds, timeoutMs: 300_000 })
let it: Machine

test.before(async () => {
  it = await machine({ host: 'bare', kernel: '5.10', purpose: 'refusal', tree: true })
  await it.boot()
})
test.after(() => it.end())

test('is refused by check, with the reason and the remedy', async () => {
  const { code, output } = await it.run('vserver check')
  assert.is(code, 1)
  assert.match(output, /^Linux 6\.1 +NO +start +this is 5\.10\.\S+$/m)
  assert.match(output, /^This host cannot run guests/m)
  assert.match(output, /^ +Linux 6\.1: boot a kernel of 6\.1 or newer/m)
})

test('is refused by create, and nothing is left', async () => {
  const created = await it.run('vserver create web --from dir:/lab/tree/dist/debian')
  assert.is(created.code, 1, created.output)
  assert.match(
    created.output,
    /^vserver: Cannot create "web": guests need Linux 6\.1, and this is 5\.10\./m,
  )
  assert.is((await it.run('ls /var/lib/vserver/templates/*')).code === 0, false)
  assert.is(await it.must('vserver list --quiet'), '')
  assert.is(await it.must('find /sys/fs/cgroup -name "vserver*"'), '')
})

test.run()
