/**
 * Whether a value that came from a file is a plugin at all: what types say of the built-in ones. Pure.
 *
 * @module
 */
import { errors } from '../errors.ts'
import type { Plugin } from './types.ts'

/** Members that each contribution must have, with the result of `typeof`. */
const members = {
  bootstrappers: { scheme: 'string', doc: 'string', id: 'function', make: 'function' },
  networkModes: { mode: 'string', doc: 'string', namespace: 'string', steps: 'function' },
  commands: { verb: 'string', doc: 'string', run: 'function' },
  checks: { check: 'string', run: 'function' },
  passes: { pass: 'string', apply: 'function' },
} as const

/** The kinds of contributions, in the order in which they are shown. */
export const pluginKinds = [
  'bootstrappers',
  'networkModes',
  'commands',
  'checks',
  'passes',
] as const
export type PluginKind = typeof pluginKinds[number]

/**
 * Gives a value back as the plugin that it is. Unknown keys and conflicts are the registry's.
 *
 * @param place the file that it came from, and the name that its folder says
 * @throws {VServerError} E_PLUGIN
 */
export function checkShape(
  value: unknown,
  place: { readonly path: string; readonly name: string },
): Plugin {
  const broken = (detail: string, hint?: string) =>
    errors.E_PLUGIN(`Cannot use plugin "${place.path}": ${detail}`, {
      hint,
      details: { plugin: place.name, path: place.path },
    })
  const plugin = record(value)
  if (plugin === undefined) {
    throw broken('it has no default export that is an object', 'export default { name, api: 1, … }')
  }
  if (plugin['api'] !== 1) {
    throw broken(`it is written for api ${show(plugin['api'])}, and this vserver has api 1`)
  }
  if (plugin['name'] !== place.name) {
    throw broken(`it names itself ${show(plugin['name'])}, and its directory "${place.name}"`)
  }
  let contributions = 0
  for (const kind of pluginKinds) {
    const list = plugin[kind]
    if (list === undefined) continue
    if (!Array.isArray(list)) throw broken(`its ${kind} are not a list`)
    for (const [index, item] of list.entries()) {
      const found = record(item) ?? {}
      for (const [key, type] of Object.entries(members[kind])) {
        const value = found[key]
        const fits = type === 'function' ? typeof value === 'function' : typeof value === 'string'
        if (fits) continue
        const article = type === 'function' ? 'a function' : 'a text'
        throw broken(`${kind}[${index}].${key} is not ${article}, but ${show(found[key])}`)
      }
      const namespace = found['namespace']
      if (kind === 'networkModes' && namespace !== 'own' && namespace !== 'host') {
        throw broken(`${kind}[${index}].namespace is neither "own" nor "host"`)
      }
      contributions++
    }
  }
  if (contributions === 0) {
    throw broken('it contributes nothing', `it may have ${pluginKinds.join(', ')}`)
  }
  // Its members have been looked at one by one.
  return value as Plugin
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.fromEntries(Object.entries(value))
}

function show(value: unknown): string {
  return typeof value === 'string' || value === undefined || typeof value === 'number'
    ? String(JSON.stringify(value) ?? 'undefined')
    : typeof value
}
