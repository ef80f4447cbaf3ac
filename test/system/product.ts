/**
 * `dist/vserver` as the system tests use it: on a state directory of its own, with guests of a few static
 * programs, and with everything removed at the end.
 *
 * @module
 */
import { spawnSync, type SpawnSyncOptions } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { scaledMs } from '../support/pace.ts'
import { vserverPath } from '../support/paths.ts'
import { tool } from './tools.ts'

/** The file under test; `VSERVER_BINARY` names another one, such as one that is installed. */
export const binary = process.env['VSERVER_BINARY'] ?? vserverPath

export interface Ran {
  /** Exit code, or 128 + n after signal n. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly cwd?: string
  readonly timeoutMs?: number
}

export interface Product {
  /** What `--root` names. */
  readonly root: string
  /** A directory for trees and other material, outside of the state. */
  readonly scratch: string
  /** argv of a `vserver` command, with the root given. */
  readonly argv: (...args: readonly string[]) => string[]
  readonly run: (args: readonly string[], options?: RunOptions) => Ran
  /** Runs and throws unless the exit code is 0; gives stdout. */
  readonly must: (...args: readonly string[]) => string
  /** Path of a file of a guest's on the host. */
  readonly guest: (name: string, ...parts: readonly string[]) => string
  /** Ends and removes every guest. */
  readonly clear: () => void
  /** The same, and then the directories. */
  readonly dispose: () => void
}

/** Runs any command. An environment replaces variables of ours, it does not add to nothing. */
export function runCommand(argv: readonly string[], options: RunOptions = {}): Ran {
  const [file = '', ...args] = argv
  const settings: SpawnSyncOptions = {
    encoding: 'utf8',
    env: { ...process.env, ...options.env },
    input: options.input ?? '',
    timeout: scaledMs(options.timeoutMs ?? 30_000),
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 26,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }
  const ran = spawnSync(file, args, settings)
  if (ran.error !== undefined && ran.status === null && ran.signal === null) throw ran.error
  return {
    code: ran.status ?? 128 + (ran.signal === null ? 0 : constants.signals[ran.signal]),
    stdout: String(ran.stdout),
    stderr: String(ran.stderr),
  }
}

/** Makes a state directory below `place` and the functions that use it. Nothing is created in it yet. */
export function product(place = '/tmp'): Product {
  const scratch = mkdtempSync(join(place, 'vserver-system-'))
  const root = join(scratch, 'root')
  mkdirSync(root, { mode: 0o700 })
  chmodSync(scratch, 0o755)
  // A suite that is skipped never disposes of anything: there is nothing but two directories then.
  process.on('exit', () => {
    if (!existsSync(join(root, 'var'))) rmSync(scratch, { recursive: true, force: true })
  })
  const argv = (...args: readonly string[]) => [binary, '--root', root, ...args]
  const run = (args: readonly string[], options?: RunOptions) => runCommand(argv(...args), options)
  const must = (...args: readonly string[]) => {
    const ran = run(args)
    if (ran.code !== 0) {
      throw new Error(
        `vserver ${args.join(' ')} ended with ${ran.code}: ${ran.stderr}${ran.stdout}`,
      )
    }
    return ran.stdout
  }
  const clear = () => {
    const names = run(['list', '--quiet']).stdout.split('\n').filter((name) => name !== '')
    for (const name of names) {
      run(['kill', name])
      const ran = run(['destroy', '--yes', name])
      if (ran.code !== 0) throw new Error(`cannot remove ${name}: ${ran.stderr}`)
    }
  }
  return {
    root,
    scratch,
    argv,
    run,
    must,
    guest: (name, ...parts) => join(root, 'var/lib/vserver/guests', name, ...parts),
    clear,
    dispose() {
      clear()
      rmSync(scratch, { recursive: true, force: true })
    },
  }
}

/**
 * Makes a tree that a guest can be created from: `files` maps paths inside to the names of tools.
 * There is an `/etc`, a `/tmp`, and what the files need.
 */
export function makeTree(path: string, files: Readonly<Record<string, string>>): string {
  for (const directory of ['etc', 'tmp', 'dev', 'proc', 'sys', 'run', 'root']) {
    mkdirSync(join(path, directory), { recursive: true, mode: 0o755 })
  }
  writeFileSync(join(path, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  writeFileSync(join(path, 'etc/os-release'), 'ID=tiny\n')
  for (const [inside, name] of Object.entries(files)) {
    const target = join(path, inside)
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 })
    cpSync(tool(name), target)
    chmodSync(target, 0o755)
  }
  return path
}

/** The tree of a guest whose init does next to nothing. */
export function tinyTree(path: string): string {
  return makeTree(path, { 'sbin/init': 'init', 'true-static': 'true', 'pause-static': 'pause' })
}
