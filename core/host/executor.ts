/**
 * The executor: which one, its build, its batch sessions, and the copy that supervisors run from.
 *
 * @module
 */
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { errors } from '../errors.ts'
import { takeHandedSession } from '../plan/handed_session.ts'
import type { Session } from '../plan/session.ts'
import type { Root } from './root.ts'

/** An executor that was found and looked at. */
export interface Executor {
  readonly path: string
  /** 64 hex digits. */
  readonly build: string
}

/**
 * @param path as VSERVER_EXECUTOR says it
 * @param build as VSERVER_BUILD says it; asked of the executor itself where nothing says it
 * @throws {VServerError} E_EXECUTOR
 */
export function findExecutor(path: string, build: string | undefined): Executor {
  const hint = 'when vserver runs from source, set VSERVER_EXECUTOR to dist/executor'
  if (path === '') throw errors.E_EXECUTOR('Cannot find the executor: none was named', { hint })
  try {
    accessSync(path, constants.X_OK)
  } catch (cause) {
    throw errors.E_EXECUTOR(`Cannot run the executor "${path}": it is not executable`, {
      hint,
      cause,
    })
  }
  return { path, build: build === undefined || build === '' ? askBuild(path) : build }
}

function askBuild(path: string): string {
  // Never asked where the front door started us, and node:child_process takes 5 ms to load.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { stdout, error, status } = spawnSync(path, ['@build'], { encoding: 'utf8' })
  const build = stdout?.trim() ?? ''
  if (/^[0-9a-f]{64}$/.test(build)) return build
  throw errors.E_EXECUTOR(
    `Cannot ask the executor "${path}" for its build: it ended with ${status}`,
    {
      cause: error,
    },
  )
}

/** A session of a process that is started for it: one that does not hold up everything else. */
async function spawnedSession(executor: Executor): Promise<Session> {
  const { openSession } = await import('../plan/session.ts')
  return await openSession(executor.path)
}

/**
 * Opens a batch session, lends it, and closes it. Its end frees every lock that it holds.
 */
export async function withSession<T>(
  executor: Executor,
  deed: (session: Session) => Promise<T>,
): Promise<T> {
  const session = takeHandedSession() ?? await spawnedSession(executor)
  try {
    return await deed(session)
  } finally {
    await session.close()
  }
}

/** Lends a session for long work, which is opened when the first plan is to be run. */
export async function withLongSession<T>(
  executor: Executor,
  deed: (session: Session) => Promise<T>,
): Promise<T> {
  let opened: Promise<Session> | undefined
  const close = async () => {
    await (await opened)?.close()
  }
  try {
    return await deed({
      async run(plan) {
        opened ??= spawnedSession(executor)
        return await (await opened).run(plan)
      },
      close,
      [Symbol.asyncDispose]: close,
    })
  } finally {
    await close()
  }
}

/**
 * Puts the copy of the executor that supervisors run from where it belongs, once a build: the installed
 * file can then be replaced while guests run. A crash leaves at most one `.new-*` file, which is removed
 * here.
 */
export function installExecutor(root: Root, executor: Executor): void {
  const directory = join(root.lib, 'runtime', executor.build)
  const target = join(directory, 'executor')
  if (existsSync(target)) return
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const staged = join(directory, `.new-executor-${process.pid}`)
  try {
    copyFileSync(executor.path, staged)
    chmodSync(staged, 0o500)
    renameSync(staged, target)
  } finally {
    rmSync(staged, { force: true })
  }
}
