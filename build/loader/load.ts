/**
 * Loads the scripts that `build/bundle.ts` cuts the program into, each when it is first asked for, from V8's
 * code cache: what a verb does not need is neither read nor compiled. Scripts are functions in the manner
 * of CommonJS.
 *
 * A code cache that V8 refuses (other flags, another version) costs time and nothing else.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { Script } from 'node:vm'

export interface ScriptSource {
  /** The pack of each module that `await import()` asks for. */
  readonly packOf: Readonly<Record<string, string>>
  /** The bytes of `NAME.js`, which is ASCII, and of `NAME.cache`. */
  readonly asset: (name: string) => ArrayBuffer
  readonly builtin: (name: string) => unknown
  /** Told when a code cache was not used. */
  readonly refused: (script: string) => void
}

type Exports = Record<string, unknown>
type Load = (name: string) => unknown

/** Names of modules begin with this where `await import()` asks for them. */
export const MODULE = './module/'

/**
 * Gives a function that loads by name: `./NAME.js` a script, `./module/PATH` a module out of its pack, which
 * is a script that exports modules by their paths, and anything else a built-in module.
 */
export function makeLoader(source: ScriptSource): Load {
  const modules = new Map<string, { exports: Exports }>()

  const run = (file: string): Exports => {
    const name = file.slice('./'.length, -'.js'.length)
    const script = new Script(Buffer.from(source.asset(`${name}.js`)).toString('latin1'), {
      filename: `${name}.js`,
      cachedData: Buffer.from(source.asset(`${name}.cache`)),
    })
    if (script.cachedDataRejected === true) source.refused(name)
    const module = { exports: {} }
    modules.set(file, module)
    script.runInThisContext()(module.exports, load, module)
    return module.exports
  }

  const load = (name: string): unknown => {
    if (!name.startsWith('./')) return source.builtin(name)
    if (!name.startsWith(MODULE)) return modules.get(name)?.exports ?? run(name)
    const path = name.slice(MODULE.length)
    const file = `./${source.packOf[path]}.js`
    const found = (modules.get(file)?.exports ?? run(file))[path] as Exports
    // Its default export is its own, not all of it. What comes of a CommonJS module may say so already.
    if (found.__esModule === true) return found
    return Object.defineProperty(found, '__esModule', { value: true })
  }
  return load
}
