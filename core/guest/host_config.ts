/**
 * The host's own configuration, `vserver.yaml` below `etc`.
 *
 * @module
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { defaultIdBounds, type IdBounds } from '../host/ids.ts'
import type { Root } from '../host/root.ts'
import { defaultExcludes } from '../unify/exclude.ts'
import { parseConfig } from './config_file.ts'
import { excludedPaths } from './config_schema.ts'
import { readText } from './files.ts'

export interface HostConfig {
  readonly ids: IdBounds
  readonly unify: {
    /** Paths inside every guest that are left alone. */
    readonly exclude: readonly string[]
    /** Files become one although they were modified at different times. */
    readonly ignoreTimes: boolean
    /** When it is done without being asked for: whenever a guest has ended, or never. */
    readonly auto: 'stop' | 'never'
  }
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
  unify: v.optional(
    v.strictObject({
      exclude: v.optional(excludedPaths),
      ignoreTimes: v.optional(v.boolean('expected true or false')),
      auto: v.optional(v.picklist(['stop', 'never'], 'expected stop or never')),
    }, 'expected a mapping with exclude, ignoreTimes and auto'),
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
  return {
    ids: found.ids ?? defaultIdBounds,
    unify: {
      exclude: found.unify?.exclude ?? defaultExcludes,
      ignoreTimes: found.unify?.ignoreTimes ?? false,
      auto: found.unify?.auto ?? 'never',
    },
  }
}
