/**
 * The process that stays in an entered guest to start commands, as the guest's root meets it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { debianTree } from '../support/debian.ts'
import { suite } from '../support/suite.ts'
import { product, type Ran } from './product.ts'

const test = suite('the forker of a guest', {
  needs: ['root', 'vserver', 'debian', 'linux-6.15'],
  timeoutMs: 180_000,
})

const vserver = product()
const inside = (script: string): Ran => vserver.run(['exec', 'web', '--', 'sh', '-c', script])
/** Its pid inside; exec makes it, but not for itself. */
const find = 'for d in /proc/[0-9]*; do ' +
  'if [ "$(cat $d/comm 2>/dev/null)" = vserver-exec ]; then echo ${d#/proc/}; fi; done'

async function forker(): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const pid = inside(find).stdout.trim()
    if (pid !== '') return pid
    await sleep(50)
  }
  throw new Error('no forker appears')
}

test('comes with the first command', async () => {
  vserver.must('create', 'web', '--from', `dir:${await debianTree()}`)
  vserver.must('start', 'web', '--wait')
  assert.match(await forker(), /^\d+$/)
  assert.is(inside('systemctl is-system-running').stdout, 'running\n')
})

test('shows nothing of itself to root inside', async () => {
  const pid = await forker()
  for (const file of ['environ', 'maps', 'mem', 'auxv', 'syscall', 'stack', 'io']) {
    const ran = inside(`cat /proc/${pid}/${file}`)
    assert.match(ran.stderr, /Permission denied/, file)
    assert.is(ran.stdout, '', file)
  }
  for (const link of ['exe', 'root', 'cwd', 'ns/mnt']) {
    assert.not(inside(`readlink /proc/${pid}/${link}`).code === 0, link)
  }
  assert.match(inside(`ls /proc/${pid}/fd`).stderr, /Permission denied/)
})

test('stopped or killed by root inside, keeps nobody from running commands', async () => {
  const pid = await forker()
  inside(`kill -STOP ${pid}`)
  assert.is(inside('echo still').stdout, 'still\n')
  inside(`kill -KILL ${pid}`)
  assert.is(inside('echo there').stdout, 'there\n')
  assert.not((await forker()) === pid)
})

test('commands run in a guest whose root has killed its own cgroup', () => {
  // Not before its forker has said that it runs: that is killed, too.
  const kill = 'sleep 0.3; echo 1 > /sys/fs/cgroup/cgroup.kill'
  for (let times = 0; times < 2; times++) assert.is(inside(kill).code, 137)
  assert.is(inside('echo there').stdout, 'there\n')
  assert.is(inside('exit 3').code, 3)
  assert.match(vserver.run(['exec', 'web', '--', 'cat', '/proc/self/cgroup']).stdout, /^0::\//m)
  assert.is(vserver.run(['exec', 'web', '--', 'nope']).code, 127)
})

test('ends with its guest', () => {
  vserver.must('stop', 'web')
  assert.is(vserver.run(['exec', 'web', '--', 'true']).code, 3)
})

test.after(() => vserver.dispose())
test.run()
