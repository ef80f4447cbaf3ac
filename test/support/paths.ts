/**
 * Where things lie in the repository.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import process from 'node:process'

/** Absolute path of the repository, without a slash at its end. */
export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** Absolute path of something in the repository. */
export function inRepository(...parts: readonly string[]): string {
  return join(repository, ...parts)
}

/** The built executor. */
export const executorPath = inRepository('dist/executor')

/** The single file: the one just built, or any other that `VSERVER_TEST_FILE` names. */
export const vserverPath = process.env['VSERVER_TEST_FILE'] ?? inRepository('dist/vserver')
