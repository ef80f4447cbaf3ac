/**
 * The guest.yaml of a new guest, and values given as `KEY=VALUE`. Pure.
 *
 * @module
 */
import { Document, parseDocument } from 'yaml'
import { usage } from './argv.ts'
import { guestYamlHeader } from './plain_yaml.ts'

/**
 * Makes the text of guest.yaml.
 *
 * @param settings `KEY=VALUE`, where KEY may have dots and VALUE is YAML in flow style
 * @throws {VServerError} E_USAGE when a setting is not one; keys and values are checked by the schema later
 */
export function newGuestYaml(
  { from, settings }: { from: string; settings: readonly string[] },
): string {
  const document = new Document({ from })
  document.commentBefore = guestYamlHeader
  for (const setting of settings) {
    const { path, value } = parseSetting(setting)
    for (let length = 1; length < path.length; length++) {
      // A parent that is no mapping yet becomes one.
      const parent = path.slice(0, length)
      if (!document.hasIn(parent)) document.setIn(parent, document.createNode({}))
    }
    document.setIn(path, document.createNode(value))
  }
  return document.toString({ lineWidth: 100 })
}

/**
 * Takes `KEY=VALUE` apart.
 *
 * @throws {VServerError} E_USAGE
 */
export function parseSetting(setting: string): { path: readonly string[]; value: unknown } {
  const equals = setting.indexOf('=')
  const key = setting.slice(0, Math.max(0, equals))
  if (!/^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*$/.test(key)) {
    throw usage({ verb: 'create' }, `--set takes KEY=VALUE, not ${JSON.stringify(setting)}`, {
      hint: 'for example --set stopTimeout=10s',
    })
  }
  const path = key.split('.')
  if (path.some((part) => ['__proto__', 'constructor', 'prototype'].includes(part))) {
    throw usage({ verb: 'create' }, `--set ${key}: there is no such key`)
  }
  const document = parseDocument(setting.slice(equals + 1), { prettyErrors: false })
  const [problem] = document.errors
  if (problem !== undefined) {
    throw usage({ verb: 'create' }, `--set ${key}: the value is not YAML: ${problem.message}`)
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  return { path, value }
}
