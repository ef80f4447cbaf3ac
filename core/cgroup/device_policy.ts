/**
 * The device policy: one eBPF program on the directory that holds all guests' cgroups. It holds for
 * whatever device node a process of a guest may come by (bpf(2), BPF_CGROUP_DEVICE). Pure.
 *
 * @module
 */
import type { Step } from '../context/step.ts'
import * as k from '../linux/constants.ts'
import { LICENSE, programAttach, programLoad, programLoadFor } from '../linux/ebpf/attr.ts'
import { deviceProgram, guestDevices } from '../linux/ebpf/device.ts'
import { bytes } from '../plan/program.ts'
import type { GuestCgroup } from './layout.ts'

/**
 * Attaches the policy. Without BPF_F_ALLOW_MULTI a second attach replaces the first, and nothing below can
 * attach a program of its own.
 */
export function attachDevicePolicy(group: GuestCgroup): Step {
  return {
    kind: 'device-policy',
    role: 'MAIN',
    phrase: `attach the device policy to "${group.parent}"`,
    emit(p, h) {
      const code = deviceProgram(guestDevices)
      const type = k.BPF_PROG_TYPE_CGROUP_DEVICE
      const load = bytes(programLoadFor(code, { type, name: 'vserver_device' }))
      p.put(load, programLoad.at('insns'), bytes(code))
      p.put(load, programLoad.at('license'), LICENSE)
      const program = p.keep('bpf', [k.BPF_PROG_LOAD, load, programLoad.size], {
        out: h.slot('deviceProgram'),
      })
      const flags = k.O_RDONLY | k.O_DIRECTORY | k.O_CLOEXEC
      const directory = p.keep('openat', [k.AT_FDCWD, group.parent, flags], {
        out: h.slot('cgroupParent'),
      })
      const attach = bytes(programAttach.encode({ attach_type: k.BPF_CGROUP_DEVICE }))
      p.put(attach, programAttach.at('target_fd'), directory)
      p.put(attach, programAttach.at('attach_bpf_fd'), program)
      p.call('bpf', [k.BPF_PROG_ATTACH, attach, programAttach.size])
      p.call('close', [program])
      p.call('close', [directory])
    },
  }
}
