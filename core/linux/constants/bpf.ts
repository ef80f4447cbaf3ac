/**
 * bpf(2) and eBPF. Pure data.
 *
 * @module
 */

// Commands of bpf(2).
export const BPF_MAP_CREATE = 0
export const BPF_PROG_LOAD = 5
export const BPF_PROG_ATTACH = 8
export const BPF_PROG_DETACH = 9
export const BPF_PROG_GET_FD_BY_ID = 13
export const BPF_PROG_QUERY = 16
export const BPF_LINK_CREATE = 28
export const BPF_LINK_DETACH = 34

// Program types.
export const BPF_PROG_TYPE_CGROUP_SKB = 8
export const BPF_PROG_TYPE_CGROUP_SOCK = 9
export const BPF_PROG_TYPE_CGROUP_DEVICE = 15
export const BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 18

// Attach types.
export const BPF_CGROUP_INET_INGRESS = 0
export const BPF_CGROUP_INET_EGRESS = 1
export const BPF_CGROUP_INET_SOCK_CREATE = 2
export const BPF_CGROUP_DEVICE = 6
export const BPF_CGROUP_INET4_BIND = 8
export const BPF_CGROUP_INET6_BIND = 9
export const BPF_CGROUP_INET4_CONNECT = 10
export const BPF_CGROUP_INET6_CONNECT = 11
export const BPF_CGROUP_UDP4_SENDMSG = 14
export const BPF_CGROUP_UDP6_SENDMSG = 15

// Flags of BPF_PROG_ATTACH.
export const BPF_F_ALLOW_OVERRIDE = 1
export const BPF_F_ALLOW_MULTI = 2
export const BPF_F_REPLACE = 4

// Access and type bits of struct bpf_cgroup_dev_ctx.
export const BPF_DEVCG_ACC_MKNOD = 1
export const BPF_DEVCG_ACC_READ = 2
export const BPF_DEVCG_ACC_WRITE = 4
export const BPF_DEVCG_DEV_BLOCK = 1
export const BPF_DEVCG_DEV_CHAR = 2

// Opcode parts that only eBPF has.
export const BPF_JMP32 = 6
export const BPF_ALU64 = 7
export const BPF_DW = 0x18
export const BPF_MOV = 0xb0
export const BPF_ARSH = 0xc0
export const BPF_END = 0xd0
export const BPF_JNE = 0x50
export const BPF_JLT = 0xa0
export const BPF_JLE = 0xb0
export const BPF_JSGT = 0x60
export const BPF_JSGE = 0x70
export const BPF_JSLT = 0xc0
export const BPF_JSLE = 0xd0
export const BPF_CALL = 0x80
export const BPF_EXIT = 0x90
export const BPF_PSEUDO_MAP_FD = 1
