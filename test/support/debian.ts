/**
 * A Debian tree with systemd for system tests, made once and kept in `dist/debian`.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { inRepository } from './paths.ts'

const run = promisify(execFile)

/**
 * Absolute path of the tree. Bootstraps it when it is missing, which takes half a minute: give the
 * suite `needs: ['root', 'mmdebstrap']` and the hook that calls this a time limit of minutes. Never
 * write into the tree.
 *
 * @throws {Error} with the output of mmdebstrap when it fails
 */
export async function debianTree(): Promise<string> {
  const tree = inRepository('dist/debian')
  if (!existsSync(tree)) await run('sh', [inRepository('build/debian-tree.sh')])
  return tree
}
