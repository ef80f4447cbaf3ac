import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
import { errno } from '../../../core/linux/errno.ts'
import {
  programAttach,
  programAttachFor,
  programLoad,
  programLoadFor,
} from '../../../core/linux/ebpf/attr.ts'
import { deviceProgram, guestDevices } from '../../../core/linux/ebpf/device.ts'
import { native } from '../native/compile.ts'

const test = suite('the device program in the kernel', {
  needs: ['root', 'gcc', 'kernel-headers', 'cgroup2'],
})

/** Where cgroup2 is mounted. */
function cgroup2(): string {
  const line = readFileSync('/proc/self/mounts', 'utf8').split('\n').find((mount) =>
    mount.split(' ')[2] === 'cgroup2'
  )
  return line?.split(' ')[1] ?? '/sys/fs/cgroup'
}

test('a process in the cgroup has the devices of guests and no others', ({ cleanup }) => {
  const directory = join(cgroup2(), `vserver-test-device-${process.pid}`)
  mkdirSync(directory)
  cleanup(() => rmdirSync(directory))
  const program = native('device')

  const code = deviceProgram(guestDevices)
  const load = programLoadFor(code, {
    type: k.BPF_PROG_TYPE_CGROUP_DEVICE,
    name: 'vserver_devices',
  })
  const attach = programAttachFor(k.BPF_CGROUP_DEVICE)
  const places = [
    programLoad.at('insns'),
    programLoad.at('license'),
    programAttach.at('target_fd'),
    programAttach.at('attach_bpf_fd'),
  ]
  const args = [load.length, attach.length, ...places.map(({ offset }) => offset)].map(String)
  const lines = program.run([directory, ...args], Buffer.concat([load, attach, code]))

  const results = Object.fromEntries(lines.map((line) => {
    const [what = '', result = ''] = line.split(' ')
    return [what, Number(result)]
  }))
  const refused = ['/dev/kmsg', '/dev/mem', '/dev/loop-control', 'mknod-kmsg', 'mknod-loop']
  for (const [what, result] of Object.entries(results)) {
    // A machine may lack one of the refused nodes.
    if (!refused.includes(what)) assert.is(result, 0, what)
    else assert.ok(result === errno.EPERM || result === errno.ENOENT, `${what}: ${result}`)
  }
  assert.is(results['/dev/kmsg'], errno.EPERM)
  assert.is(results['mknod-loop'], errno.EPERM)
  assert.is(results['mknod-kmsg'], errno.EPERM)
})

test.run()
