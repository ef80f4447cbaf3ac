/**
 * What kernels offer that not every host has: each is used once where it is said to be. Tests that build
 * on these features name them in `needs`, and this file tells whether that word can be trusted.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { runCommand } from './product.ts'

const test = suite('features of the host', { needs: ['root'], timeoutMs: 30_000 })

/** Runs a shell script with a network, mounts and a temporary directory of its own. */
function privately(script: string): string {
  const words = ['unshare', '--mount', '--net', 'sh', '-euc', script]
  const ran = runCommand(words)
  assert.is(ran.code, 0, ran.stderr + ran.stdout)
  return ran.stdout
}

test('ipvlan links on a dummy link', () => {
  const links = privately(`ip link add d0 type dummy
    ip link add link d0 name v0 type ipvlan mode l2
    ip -o link show type ipvlan`)
  assert.match(links, / v0@d0: /)
}, { needs: ['ipvlan', 'dummy', 'ip'] })

test('wireguard links', () => {
  const links = privately('ip link add w0 type wireguard; ip -o link show type wireguard')
  assert.match(links, / w0: /)
}, { needs: ['wireguard', 'ip'] })

test('project quotas on ext4', () => {
  const mounts = privately(`mount -t tmpfs none /mnt
    mkdir /mnt/on
    truncate -s 64M /mnt/image
    mkfs.ext4 -q -O quota,project -E quotatype=prjquota /mnt/image
    mount -o loop,prjquota /mnt/image /mnt/on
    grep ' /mnt/on ' /proc/mounts`)
  assert.match(mounts, / ext4 \S*prjquota/)
}, { needs: ['quota', 'mkfs.ext4'] })

test('AppArmor', () => {
  const label = readFileSync('/proc/self/attr/apparmor/current', 'utf8')
  assert.match(label, /^(unconfined|\S+ \((enforce|complain)\))\n$/)
}, { needs: ['apparmor'] })

test('Landlock', () => {
  assert.ok(readFileSync('/sys/kernel/security/lsm', 'utf8').split(',').includes('landlock'))
}, { needs: ['landlock'] })

test('the memory controller of cgroup2', () => {
  const [line = ''] = readFileSync('/proc/self/cgroup', 'utf8').split('\n')
  assert.match(line, /^0::\//)
  const path = `/sys/fs/cgroup${line.slice('0::'.length)}`
  assert.match(readFileSync(`${path}/cgroup.controllers`, 'utf8'), /memory/)
}, { needs: ['cgroup2-controllers'] })

test.run()
