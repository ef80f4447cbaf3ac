/**
 * Which machines are wanted, where a person names some.
 *
 * @module
 */
import process from 'node:process'
import { type HostName, hostNames } from './hosts.ts'
import type { KernelName } from './kernel.ts'
import { type Run, runs } from './matrix.ts'

const { VSERVER_LAB_HOST: host = '', VSERVER_LAB_KERNEL: kernel = '' } = process.env
const { VSERVER_LAB_FILES: files = '' } = process.env

/** Whether tests on this machine are wanted. */
export function isWanted(on: { readonly host: HostName; readonly kernel: KernelName }): boolean {
  return (host === '' || host === on.host) && (kernel === '' || kernel === on.kernel)
}

/** Runs of the system tier: those of the matrix, or files that a person named. */
export function wantedRuns(): readonly Run[] {
  if (files === '') return runs.filter(isWanted)
  const on = { host: hostNames.find((one) => one === host) ?? 'systemd', kernel: kernelOf() }
  return [{ ...on, files: files.split(' ') }]
}

function kernelOf(): KernelName {
  return kernel === '5.10' || kernel === '6.1' ? kernel : '6.12'
}
