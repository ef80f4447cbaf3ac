/**
 * The host's own configuration, `vserver.yaml` below `etc`.
 *
 * @module
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { defaultIdBounds, type IdBounds } from '../host/ids.ts'
import type { Root } from '../host/root.ts'
import { parseConfig } from './config_file.ts'
import { readText } from './files.ts'

export interface HostConfig {
  readonly ids: IdBounds
}

const uid = v.pipe(
  v.number('expected a user id'),
  v.integer('expected a user id'),
  v.minValue(1, 'expected a user id of at least 1'),
  v.maxValue(4_294_967_293, 'expected a user id of at most 4294967293'),
)

const schema = v.strictObject({
  ids: v.optional(
    v.pipe(
      v.strictObject({ first: uid, last: uid }, 'expected a mapping with first and last'),
      v.check(({ first, last }) => last >= first + 65535, 'expected at least 65536 ids'),
    ),
  ),
}, 'expected a mapping of keys to values')

/** Path of the file. */
export function hostConfigPath(root: Root): string {
  return join(root.etc, 'vserver.yaml')
}

/**
 * Reads the host's configuration; without a file everything is at its default.
 *
 * @throws {VServerError} E_CONFIG_SYNTAX, E_CONFIG_KEY, E_CONFIG_RANGE
 */
export function readHostConfig(root: Root): HostConfig {
  const file = hostConfigPath(root)
  const found = parseConfig({ file, text: readText(file) ?? '' }, schema)
  return { ids: found.ids ?? defaultIdBounds }
}
