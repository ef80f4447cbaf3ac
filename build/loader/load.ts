/**
 * Loads the packs that `build/bundle.ts` cuts the program into. A pack is one script whose value maps names
 * of chunks to functions in the manner of CommonJS; it is compiled when the first of its chunks is asked
 * for, from V8's code cache, so that what a verb does not need is neither read nor compiled.
 *
 * A code cache that V8 refuses (other flags, another version) costs time and nothing else.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { Script } from 'node:vm'

export interface PackSource {
  /** The pack of each chunk. Every other name is that of a built-in module. */
  readonly packOf: Readonly<Record<string, string>>
  /** The bytes of `PACK.js`, which is ASCII, and of `PACK.cache`. */
  readonly asset: (name: string) => ArrayBuffer
  readonly builtin: (name: string) => unknown
  /** Told when the code cache of a pack was not used. */
  readonly refused: (pack: string) => void
}

type Chunk = (exports: unknown, require: (name: string) => unknown, module: Module) => void
type Module = { exports: unknown }

/** Gives a function that loads a chunk, or a built-in module, by its name. */
export function makeLoader(source: PackSource): (name: string) => unknown {
  const packs = new Map<string, Readonly<Record<string, Chunk>>>()
  const modules = new Map<string, Module>()

  const compile = (pack: string): Readonly<Record<string, Chunk>> => {
    const script = new Script(Buffer.from(source.asset(`${pack}.js`)).toString('latin1'), {
      filename: `${pack}.js`,
      cachedData: Buffer.from(source.asset(`${pack}.cache`)),
    })
    if (script.cachedDataRejected === true) source.refused(pack)
    return script.runInThisContext()
  }

  const load = (name: string): unknown => {
    const known = modules.get(name)
    if (known !== undefined) return known.exports
    const pack = Object.hasOwn(source.packOf, name) ? source.packOf[name] : undefined
    if (pack === undefined) return source.builtin(name)
    let chunks = packs.get(pack)
    if (chunks === undefined) packs.set(pack, chunks = compile(pack))
    const module: Module = { exports: {} }
    modules.set(name, module)
    chunks[name]?.(module.exports, load, module)
    return module.exports
  }
  return load
}
