/**
 * Capabilities: numbers, masks, and what capset(2) takes. A test compares them with the kernel
 * headers. Pure.
 *
 * @module
 */
import { _LINUX_CAPABILITY_VERSION_3 } from './constants.ts'
import { capData, capHeader } from './structs.ts'

/** Number of each capability. */
export const capability = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const

/** Name of a capability. */
export type CapabilityName = keyof typeof capability

/** All names in the order of their numbers. */
export const capabilityNames: readonly CapabilityName[] = Object.keys(capability).filter(
  isCapability,
)

/** Whether a word is the name of a capability. Pure. */
export function isCapability(name: string): name is CapabilityName {
  return Object.hasOwn(capability, name)
}

/** Bit mask of some capabilities. Pure. */
export function capabilityMask(names: Iterable<CapabilityName>): bigint {
  let mask = 0n
  for (const name of names) mask |= 1n << BigInt(capability[name])
  return mask
}

/** Names of the capabilities in a mask, in order; bits without a name are left out. Pure. */
export function capabilitiesOf(mask: bigint): CapabilityName[] {
  return capabilityNames.filter((name) => (mask & (1n << BigInt(capability[name]))) !== 0n)
}

/** Three sets as masks; what is absent is empty. */
export interface CapabilitySets {
  readonly effective?: bigint
  readonly permitted?: bigint
  readonly inheritable?: bigint
}

/** The header of capset(2) for the calling process: 8 bytes. Pure. */
export function capabilityHeader(): Uint8Array {
  return capHeader.encode({ version: _LINUX_CAPABILITY_VERSION_3 })
}

/** The data of capset(2), version 3: 24 bytes. Pure. */
export function capabilityData(sets: CapabilitySets): Uint8Array {
  const { effective = 0n, permitted = 0n, inheritable = 0n } = sets
  const half = (shift: bigint) =>
    capData.encode({
      effective: (effective >> shift) & 0xffffffffn,
      permitted: (permitted >> shift) & 0xffffffffn,
      inheritable: (inheritable >> shift) & 0xffffffffn,
    })
  const bytes = new Uint8Array(capData.size * 2)
  bytes.set(half(0n))
  bytes.set(half(32n), capData.size)
  return bytes
}
