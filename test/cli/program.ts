/**
 * The program as it runs from source, with a root of its own.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { executorPath, inRepository } from '../support/paths.ts'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly root: string
  readonly scratch: string
  run(...words: readonly string[]): Ran
  /** Starts a command; its promise settles when it has ended. */
  start(...words: readonly string[]): { kill(signal: NodeJS.Signals): void; ended: Promise<Ran> }
  /** Ends and removes every guest, and the directories. */
  dispose(): void
}

/** Runs `node core/main.ts`, with everything below a directory of its own. */
export function program(): Program {
  const base = mkdtempSync(join(tmpdir(), 'vserver-cli-'))
  const root = join(base, 'root')
  const scratch = join(base, 'scratch')
  mkdirSync(scratch)
  const env = { ...process.env, VSERVER_EXECUTOR: executorPath, VSERVER_ROOT: root }
  const argv = (words: readonly string[]) => [inRepository('core/main.ts'), ...words]
  const run = (...words: readonly string[]): Ran => {
    const { status, stdout, stderr } = spawnSync(process.execPath, argv(words), {
      env,
      encoding: 'utf8',
      timeout: 60_000,
    })
    return { code: status, stdout, stderr }
  }
  return {
    root,
    scratch,
    run,
    start(...words) {
      const child = spawn(process.execPath, argv(words), { env, stdio: ['ignore', 'pipe', 'pipe'] })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
      const ended = new Promise<Ran>((resolve) => {
        child.once('close', (code) => resolve({ code, stdout, stderr }))
      })
      return { kill: (signal) => void child.kill(signal), ended }
    },
    dispose() {
      run('kill', '--all')
      const names = run('list', '--quiet').stdout.split('\n').filter((name) => name !== '')
      if (names.length > 0) run('destroy', '--yes', ...names)
      rmSync(base, { recursive: true })
    },
  }
}

/** A tree whose init is a copy of a program of the host; enough for everything but a start. */
export function makeTree(directory: string): string {
  mkdirSync(join(directory, 'sbin'), { recursive: true })
  mkdirSync(join(directory, 'usr/bin'), { recursive: true })
  copyFileSync('/bin/true', join(directory, 'usr/bin/init'))
  chmodSync(join(directory, 'usr/bin/init'), 0o755)
  symlinkSync('/usr/bin/init', join(directory, 'sbin/init'))
  return directory
}
