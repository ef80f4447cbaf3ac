/**
 * Out-of-tree plugins: `ROOT/etc/vserver/plugins/NAME/plugin.mjs` or `plugin.mts`.
 *
 * They run as root, so that they must be root's own, with every directory above them up to `etc/vserver`.
 * Types in `.mts` files are erased. A plugin may import built-in modules (`node:…`) and files beside it.
 *
 * @module
 */
import { lstatSync, type Stats } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import { errors, VServerError } from '../errors.ts'
import type { Root } from '../host/root.ts'
import { pluginNames, pluginsDir } from './place.ts'
import { type BrokenPlugin, makeRegistry } from './registry.ts'
import { checkShape } from './shape.ts'
import type { Plugin } from './types.ts'

/** A plugin that came from a file. */
export interface ForeignPlugin {
  readonly plugin: Plugin
  readonly path: string
}

const fileNames = ['plugin.mjs', 'plugin.mts'] as const

/** What became of the out-of-tree plugins. */
export interface LoadedPlugins {
  readonly loaded: readonly ForeignPlugin[]
  /** Unsafe, not to be loaded, no plugin at all, or in conflict with those before it. */
  readonly broken: readonly BrokenPlugin[]
}

/**
 * Loads every out-of-tree plugin, sorted by name. One that is broken harms no other.
 *
 * @param builtIn the plugins that it must not contradict
 */
export function loadPlugins(
  root: Pick<Root, 'etc'>,
  builtIn: readonly Plugin[],
): LoadedPlugins {
  const directory = pluginsDir(root)
  const loaded: ForeignPlugin[] = []
  const broken: BrokenPlugin[] = []
  for (const name of pluginNames(root)) {
    const path = join(directory, name)
    try {
      checkSafe(root.etc)
      checkSafe(directory)
      const found = loadPlugin(path)
      makeRegistry([...builtIn, ...loaded.map(({ plugin }) => plugin), found.plugin])
      loaded.push(found)
    } catch (error) {
      if (!(error instanceof VServerError)) throw error
      broken.push({ name, path, error })
    }
  }
  return { loaded, broken }
}

/**
 * Loads the plugin of one directory, whose last component is its name.
 *
 * @throws {VServerError} E_PLUGIN
 */
export function loadPlugin(place: string): ForeignPlugin {
  const directory = resolve(place)
  const name = basename(directory)
  checkSafe(directory)
  const found = filesIn(directory)
  const [file, second] = found
  if (file === undefined) {
    throw unusable(directory, `it holds neither ${fileNames.join(' nor ')}`)
  }
  if (second !== undefined) throw unusable(directory, `it holds both ${found.join(' and ')}`)
  const path = join(directory, file)
  checkSafe(path)
  return { plugin: checkShape(evaluate(path), { path, name }), path }
}

function filesIn(directory: string): readonly string[] {
  return fileNames.filter((file) => stat(join(directory, file)) !== undefined)
}

/** The file that a plugin's directory is loaded from. */
export function pluginFile(directory: string): string | undefined {
  return filesIn(directory).map((file) => join(directory, file))[0]
}

/** Only root may have written it. */
function checkSafe(path: string): void {
  const found = stat(path)
  if (found === undefined) throw unusable(path, 'it does not exist')
  if (found.isSymbolicLink()) throw unusable(path, 'it is a symbolic link', 'copy what it leads to')
  if (found.uid !== 0) {
    throw unusable(path, `it belongs to user ${found.uid}, not to root`, `chown root: ${path}`)
  }
  if ((found.mode & 0o022) !== 0) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0')
    throw unusable(path, `others may write it (mode ${mode})`, `chmod go-w ${path}`)
  }
}

function evaluate(path: string): unknown {
  try {
    const loaded: unknown = createRequire(path)(path)
    return typeof loaded === 'object' && loaded !== null && 'default' in loaded
      ? loaded.default
      : undefined
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    switch (code) {
      case 'ERR_REQUIRE_ASYNC_MODULE':
        throw unusable(path, 'it has an await outside of functions', undefined, cause)
      case 'MODULE_NOT_FOUND':
      case 'ERR_MODULE_NOT_FOUND':
        throw unusable(
          path,
          `it imports what is not there: ${firstLine(cause)}`,
          'plugins import built-in modules (node:…) and files beside them',
          cause,
        )
      default:
        throw unusable(path, firstLine(cause), undefined, cause)
    }
  }
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
  return message.split('\n')[0] ?? message
}

function stat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function unusable(path: string, detail: string, hint?: string, cause?: unknown): VServerError {
  return errors.E_PLUGIN(`Cannot use plugin "${path}": ${detail}`, {
    hint,
    details: { path },
    cause,
  })
}
