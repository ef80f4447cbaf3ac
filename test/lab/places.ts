/**
 * Where the lab keeps what it makes, and running the host's programs for it.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { inRepository } from '../support/paths.ts'

const start = promisify(execFile)

/** Something in the lab's directory; it can be removed at any time, and is made again. */
export function inLab(...parts: readonly string[]): string {
  return inRepository('dist/lab', ...parts)
}

/** Something is wrong with the lab or a machine of it; the message is for a person. */
export class LabError extends Error {
  override readonly name = 'LabError'
}

/**
 * Runs a program and gives what it printed.
 *
 * @throws {LabError} with `what`, the command's last words and, if it is missing, its package
 */
export async function run(
  what: string,
  [file = '', ...args]: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' }
  try {
    const { stdout } = await start(file, args, { ...options, env, maxBuffer: 1 << 28 })
    return stdout
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const missing = 'code' in error && error.code === 'ENOENT'
    const said = 'stderr' in error ? String(error.stderr).trim().split('\n').slice(-8) : []
    const why = missing ? `there is no program "${file}"` : `${error.message.split('\n')[0]}`
    throw new LabError([`Cannot ${what}: ${why}`, ...said].join('\n  '), { cause: error })
  }
}

/**
 * Makes a file or directory unless it is there, beside its place and then renamed: what is there is
 * complete.
 */
export async function made(
  path: string,
  make: (temporary: string) => Promise<unknown>,
): Promise<string> {
  if (existsSync(path)) return path
  const temporary = `${path}.${process.pid}.new`
  mkdirSync(dirname(path), { recursive: true })
  rmSync(temporary, { recursive: true, force: true })
  try {
    await make(temporary)
    renameSync(temporary, path)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
  return path
}
