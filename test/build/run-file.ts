/**
 * Running the single file in a root of its own.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scaledMs } from '../support/pace.ts'
import { vserverPath } from '../support/paths.ts'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A short path, and an environment without anything that the tests do not mean to set. */
const plainEnv = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

/** Makes an empty directory, open to users who are not root, and removes it when the test ends. */
export function scratch(cleanup: (deed: () => unknown) => void): string {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-file-'))
  chmodSync(directory, 0o755)
  cleanup(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface RunOptions {
  readonly root?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly file?: string
  readonly uid?: number
}

/** Runs the single file with a root directory given in the environment. */
export function runFile(args: readonly string[], options: RunOptions): Ran {
  const { root, cwd, env = {}, file = vserverPath, uid } = options
  const result = spawnSync(file, args, {
    encoding: 'utf8',
    timeout: scaledMs(60_000),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...plainEnv, ...(root === undefined ? {} : { VSERVER_ROOT: root }), ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (result.error !== undefined) throw result.error
  return { code: result.status, stdout: result.stdout, stderr: result.stderr }
}

/**
 * Runs a shell script in a mount namespace of its own, so that what it mounts is gone with it.
 * `$FILE` is the single file.
 */
export function runPrivately(script: string, env: Readonly<Record<string, string>>): Ran {
  const result = spawnSync('unshare', ['--mount', 'sh', '-euc', script], {
    encoding: 'utf8',
    timeout: scaledMs(60_000),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...plainEnv, FILE: vserverPath, ...env },
  })
  if (result.error !== undefined) throw result.error
  return { code: result.status, stdout: result.stdout, stderr: result.stderr }
}

/** What the directory of all builds holds, sorted, without the lock. */
export function builds(root: string): readonly string[] {
  const directory = join(root, 'var/lib/vserver/runtime')
  if (!existsSync(directory)) return []
  return readdirSync(directory).filter((name) => name !== '.lock').sort()
}
