/**
 * Which files of the system tier are run on which machine. Emulation is some twenty times slower, so each
 * file runs where it says most, and all of them together within the time that CI has.
 *
 * @module
 */
import type { HostName } from './hosts.ts'
import type { KernelName } from './kernel.ts'

export interface Run {
  readonly host: HostName
  readonly kernel: KernelName
  readonly files: readonly string[]
}

const systemTest = (name: string) => `test/system/${name}.system.test.ts`

export const runs: readonly Run[] = [
  {
    host: 'systemd',
    kernel: '6.12',
    files: [
      ...['features', 'end', 'escape', 'terminal', 'life'].map(systemTest),
      'test/build/file.system.test.ts',
      'test/linux/seccomp/native.exec.test.ts',
      'test/unify/quota.exec.test.ts',
    ],
  },
  { host: 'systemd', kernel: '6.1', files: ['features', 'end', 'escape'].map(systemTest) },
  { host: 'bare', kernel: '6.1', files: ['end'].map(systemTest) },
]
