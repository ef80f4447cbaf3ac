/**
 * All plugins together: looked up by what they contribute, refused where they contradict each other.
 *
 * @module
 */
import { errors, type VServerError } from '../errors.ts'
import { nearest } from '../guest/nearest.ts'
import { verbs } from '../guest/verbs.ts'
import type { Bootstrapper, Check, Command, NetworkMode, Pass, Plugin } from './types.ts'

/** An out-of-tree plugin that is there, and cannot be used. */
export interface BrokenPlugin {
  readonly name: string
  readonly path: string
  readonly error: VServerError
}

export interface Registry {
  readonly bootstrappers: readonly Bootstrapper[]
  readonly networkModes: readonly NetworkMode[]
  readonly commands: readonly Command[]
  readonly checks: readonly Check[]
  readonly passes: readonly Pass[]
  /** Paths that decide which plugins there are: inputs of every plan. */
  readonly files: readonly string[]
  /** What these contribute is not here. */
  readonly broken: readonly BrokenPlugin[]
}

/** The kinds of contributions, and the key that names one. */
const kinds = {
  bootstrappers: 'scheme',
  networkModes: 'mode',
  commands: 'verb',
  checks: 'check',
  passes: 'pass',
} as const
type Kind = keyof typeof kinds

const pluginKeys: readonly string[] = ['name', 'api', ...Object.keys(kinds)]

/** Keys that each kind knows. */
const contributionKeys: Readonly<Record<Kind, readonly string[]>> = {
  bootstrappers: ['scheme', 'doc', 'options', 'pinned', 'id', 'make'],
  networkModes: ['mode', 'doc', 'namespace', 'options', 'steps'],
  commands: ['verb', 'doc', 'options', 'positional', 'examples', 'run'],
  checks: ['check', 'run'],
  passes: ['pass', 'apply'],
}

/**
 * Puts plugins together. Pure.
 *
 * @throws {VServerError} E_PLUGIN: another api, an unknown key, or two plugins that contribute the same
 */
export function makeRegistry(
  plugins: readonly Plugin[],
  { files = [], broken = [] }: {
    readonly files?: readonly string[]
    readonly broken?: readonly BrokenPlugin[]
  } = {},
): Registry {
  const owners = new Map<string, string>()
  for (const plugin of plugins) {
    checkPlugin(plugin)
    claim(owners, { what: `plugin "${plugin.name}"`, by: plugin.name })
    for (const [kind, key] of entries()) {
      for (const contribution of plugin[kind] ?? []) {
        const fields = new Map<string, unknown>(Object.entries(contribution))
        checkKeys(plugin.name, { kind, keys: fields.keys() })
        const name = fields.get(key)
        if (typeof name !== 'string' || name === '') {
          throw unusable(plugin.name, `one of its ${kind} has no "${key}"`)
        }
        if (kind === 'commands' && verbs.has(name)) {
          throw unusable(plugin.name, `verb "${name}" is vserver's own`)
        }
        claim(owners, { what: `${key} "${name}"`, by: plugin.name })
      }
    }
  }
  return {
    bootstrappers: plugins.flatMap((plugin) => plugin.bootstrappers ?? []),
    networkModes: plugins.flatMap((plugin) => plugin.networkModes ?? []),
    commands: plugins.flatMap((plugin) => plugin.commands ?? []),
    checks: plugins.flatMap((plugin) => plugin.checks ?? []),
    passes: plugins.flatMap((plugin) => plugin.passes ?? []),
    files,
    broken,
  }
}

/** What to say beside an error that a broken plugin may be the cause of; `undefined` when there is none. Pure. */
export function brokenHint({ broken }: Pick<Registry, 'broken'>): string | undefined {
  if (broken.length === 0) return undefined
  const names = broken.map(({ name }) => name).join(', ')
  return `it may be of a plugin that is broken (${names}): vserver plugins says why`
}

function entries(): readonly (readonly [Kind, string])[] {
  return [
    ['bootstrappers', kinds.bootstrappers],
    ['networkModes', kinds.networkModes],
    ['commands', kinds.commands],
    ['checks', kinds.checks],
    ['passes', kinds.passes],
  ]
}

function checkPlugin(plugin: Plugin): void {
  const { name } = plugin
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw unusable(String(name), 'its name is not made of a-z, 0-9 and "-"')
  }
  const api: number = plugin.api
  if (api !== 1) throw unusable(name, `it is written for api ${api}, and this vserver has api 1`)
  for (const key of Object.keys(plugin)) {
    if (!pluginKeys.includes(key)) throw unknownKey(name, { key, among: pluginKeys })
  }
}

function checkKeys(plugin: string, { kind, keys }: { kind: Kind; keys: Iterable<string> }): void {
  const among = contributionKeys[kind]
  for (const key of keys) {
    if (!among.includes(key)) throw unknownKey(plugin, { key: `${kind}.${key}`, among })
  }
}

function claim(owners: Map<string, string>, { what, by }: { what: string; by: string }): void {
  const owner = owners.get(what)
  if (owner !== undefined) throw unusable(by, `${what} is already that of plugin "${owner}"`)
  owners.set(what, by)
}

function unknownKey(
  plugin: string,
  { key, among }: { key: string; among: readonly string[] },
): VServerError {
  const meant = nearest(key.split('.').at(-1) ?? key, among)
  return unusable(plugin, `"${key}" is not a key`, meant && `did you mean "${meant}"?`)
}

function unusable(plugin: string, detail: string, hint?: string): VServerError {
  return errors.E_PLUGIN(`Cannot use plugin "${plugin}": ${detail}`, { hint, details: { plugin } })
}
