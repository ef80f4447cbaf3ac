/**
 * The native verbs, run for the deed itself once everything is compiled.
 *
 * @module
 */
import process from 'node:process'
import { errors } from '../errors.ts'
import type { Executor } from '../host/executor.ts'
import type { Cli } from './types.ts'

/** The words of a native verb: the root as an absolute path, and the globals that it knows. */
export function nativeWords(cli: Cli, verb: string, words: readonly string[]): readonly string[] {
  const { json, quiet, lockTimeoutMs } = cli.globals
  return [
    '--root',
    cli.root.dir,
    '--lock-timeout',
    `${lockTimeoutMs}ms`,
    ...(json ? ['--json'] : []),
    ...(quiet ? ['--quiet'] : []),
    verb,
    ...words,
  ]
}

/** What a native verb is called that must not start the appliance again: `VS_NATIVE` of the executor. */
export const nativeName = 'vserver-native'

/** The environment of a native verb. */
export function nativeEnv(cli: Cli, executor: Executor): NodeJS.ProcessEnv {
  return { ...cli.env, VSERVER_EXECUTOR: executor.path }
}

/**
 * Runs a native verb with our own standard descriptors and waits for it. A signal that interrupts us
 * reaches it too; what it then says is what counts.
 *
 * @param options `silent`: its results are thrown away
 * @returns its exit code
 */
export async function runNative(
  cli: Cli,
  executor: Executor,
  options: { verb: string; words: readonly string[]; silent?: boolean },
): Promise<number> {
  const { spawn } = await import('node:child_process')
  const { verb, words, silent = false } = options
  const child = spawn(executor.path, nativeWords(cli, verb, words), {
    argv0: nativeName,
    stdio: ['inherit', silent ? 'ignore' : 'inherit', 'inherit'],
    env: nativeEnv(cli, executor),
  })
  // From a terminal the whole process group gets SIGINT; a signal sent to us alone is handed on.
  const forward = () => child.kill('SIGTERM')
  cli.signal.addEventListener('abort', forward)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        if (code !== null) return resolve(code)
        reject(errors.E_EXECUTOR(`Cannot ${verb}: the executor was killed by ${signal}`))
      })
    })
  } finally {
    cli.signal.removeEventListener('abort', forward)
  }
}

/** Becomes a native verb; gives nothing back but an error. */
export function becomeNative(cli: Cli, executor: Executor, words: readonly string[]): never {
  const env: Record<string, string> = {}
  for (const [key, value] of Object.entries(nativeEnv(cli, executor))) {
    if (value !== undefined) env[key] = value
  }
  if (process.execve === undefined) {
    throw errors.E_EXECUTOR('Cannot run the executor: this runtime cannot replace itself', {
      hint: 'use Node 24 or newer',
    })
  }
  process.execve(executor.path, [nativeName, ...words], env)
  throw errors.E_EXECUTOR('Cannot run the executor: execve came back')
}
