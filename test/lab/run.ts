/**
 * The lab by hand.
 *
 *     npm run lab                                              everything that CI runs
 *     npm run lab -- [--host NAME] [--kernel VERSION] [FILE…]  some of it: files of the lab by a part of
 *       their path, or files of the system tier, which are run on that host
 *     npm run lab -- [--host NAME] [--kernel VERSION] --shell  a prompt on that host; it ends with the shell
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { inRepository } from '../support/paths.ts'
import { type HostName, hostNames } from './hosts.ts'
import { type KernelName, suites } from './kernel.ts'
import { LabError } from './places.ts'
import { shell } from './shell.ts'

function isHost(name: string): name is HostName {
  return hostNames.some((one) => one === name)
}

function isKernel(name: string): name is KernelName {
  return Object.hasOwn(suites, name)
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: 'string' },
      kernel: { type: 'string' },
      shell: { type: 'boolean', default: false },
    },
  })
  const { host, kernel } = values
  if (host !== undefined && !isHost(host)) {
    throw new LabError(`there is no host "${host}": ${hostNames.join(', ')}`)
  }
  if (kernel !== undefined && !isKernel(kernel)) {
    throw new LabError(`there is no kernel "${kernel}": ${Object.keys(suites).join(', ')}`)
  }
  if (values.shell) return await shell({ host: host ?? 'bare', kernel: kernel ?? '6.12' })
  const env = {
    ...process.env,
    VSERVER_LAB_HOST: host ?? '',
    VSERVER_LAB_KERNEL: kernel ?? '',
    VSERVER_LAB_FILES: positionals.filter((path) => path.endsWith('.system.test.ts')).join(' '),
  }
  const inside = env.VSERVER_LAB_FILES !== ''
  const filters = inside ? ['lab/system.lab.test.ts'] : positionals
  const runner = [inRepository('test/support/run.ts'), '--tier', 'lab', '--live', ...filters]
  return spawnSync(process.execPath, runner, { stdio: 'inherit', env }).status ?? 130
}

try {
  process.exitCode = await main()
} catch (error) {
  const usage = error instanceof TypeError && 'code' in error
  if (!(error instanceof LabError) && !usage) throw error
  console.error(`lab: ${error.message}`)
  process.exitCode = usage ? 2 : 1
}
