/**
 * What bpf(2) takes: the beginnings of `union bpf_attr` that its commands read. The kernel takes
 * shorter ones than it knows for zero beyond. Pure.
 *
 * Pointers are stored when the plan runs: `insns` and `license` of {@link programLoad}.
 *
 * @module
 */
import { BPF_F_ALLOW_MULTI } from '../constants.ts'
import { struct } from '../struct.ts'
import { INSTRUCTION_SIZE } from './assemble.ts'
import { encodeUtf8 } from '../text.ts'

/** BPF_PROG_LOAD: 72 bytes. */
export const programLoad = struct('union bpf_attr', [
  ['prog_type', 'u32'],
  ['insn_cnt', 'u32'],
  ['insns', 'u64'],
  ['license', 'u64'],
  ['log_level', 'u32'],
  ['log_size', 'u32'],
  ['log_buf', 'u64'],
  ['kern_version', 'u32'],
  ['prog_flags', 'u32'],
  ['prog_name', 'bytes16'],
  ['prog_ifindex', 'u32'],
  ['expected_attach_type', 'u32'],
])

/** BPF_PROG_ATTACH and BPF_PROG_DETACH: 20 bytes. */
export const programAttach = struct('union bpf_attr', [
  ['target_fd', 'u32'],
  ['attach_bpf_fd', 'u32'],
  ['attach_type', 'u32'],
  ['attach_flags', 'u32'],
  ['replace_bpf_fd', 'u32'],
])

/** BPF_LINK_CREATE: 16 bytes. */
export const linkCreate = struct('union bpf_attr', [
  ['link_create.prog_fd', 'u32'],
  ['link_create.target_fd', 'u32'],
  ['link_create.attach_type', 'u32'],
  ['link_create.flags', 'u32'],
])

/** Licence text of our programs, as `license` wants it. */
export const LICENSE = 'GPL'

/** What a program shall be loaded as. */
export interface ProgramOptions {
  /** BPF_PROG_TYPE_*. */
  readonly type: number
  /** At most 15 bytes of letters, digits, `_` and `.`; shown by tools. */
  readonly name?: string
  /** BPF_CGROUP_*; needed by socket address programs. */
  readonly attachType?: number
}

/** The argument of BPF_PROG_LOAD for a program; `insns` and `license` are left 0. Pure. */
export function programLoadFor(code: Uint8Array, options: ProgramOptions): Uint8Array {
  return programLoad.encode({
    prog_type: options.type,
    insn_cnt: code.length / INSTRUCTION_SIZE,
    prog_name: encodeUtf8(options.name ?? ''),
    expected_attach_type: options.attachType ?? 0,
  })
}

/**
 * The argument of BPF_PROG_ATTACH; `target_fd` (the cgroup directory) and `attach_bpf_fd` are left
 * 0. Programs above and below in the tree stay in force. Pure.
 */
export function programAttachFor(attachType: number): Uint8Array {
  return programAttach.encode({ attach_type: attachType, attach_flags: BPF_F_ALLOW_MULTI })
}
