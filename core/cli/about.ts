/**
 * What the program says of itself.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { errors } from '../errors.ts'
import manifest from '../../package.json' with { type: 'json' }

/** `0.1.0`, and the first digits of the build where there is one. */
export function version(): string {
  const build = process.env['VSERVER_BUILD'] ?? ''
  return build === ''
    ? `vserver ${manifest.version}`
    : `vserver ${manifest.version} (${build.slice(0, 12)})`
}

/**
 * The licences of all that the single file carries: the file `licences`, which lies beside the executor
 * in the runtime cache, and in `dist/` after a build.
 *
 * @throws {VServerError} E_EXECUTOR when there is none
 */
export function licences(): string {
  const path = join(dirname(process.env['VSERVER_EXECUTOR'] ?? 'dist/executor'), 'licences')
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw errors.E_EXECUTOR(`Cannot show the licences: "${path}" cannot be read`, {
      hint: 'they are part of the built program: npm run build makes dist/vserver',
      cause,
    })
  }
}
