/**
 * Everything in TypeScript, cut into packs for the single executable application: see `loader/load.ts`.
 *
 * esbuild cuts the program into chunks along `await import()`, none of which holds anything twice. Chunks
 * that the same verbs need are put into one pack.
 *
 * @module
 */
import { basename, join } from 'node:path'
import { build, type BuildOptions, type BuildResult, transform } from 'esbuild'
import { compileGuestFilter } from '../core/context/filter.ts'

export interface Bundle {
  /** The main script, which loads the packs. */
  readonly main: Uint8Array
  /** Scripts by name, without `.js`; ASCII. */
  readonly packs: ReadonlyMap<string, Uint8Array>
  /** Names of the packages that ended up in it, sorted. */
  readonly packages: readonly string[]
}

/**
 * Packs, and the modules for whose sake they are. A chunk belongs to the first pack whose modules need it;
 * what none of them needs is in `rest`. The first pack is what every verb needs.
 */
const packModules: Readonly<Record<string, readonly string[]>> = {
  clone: ['core/host/root.ts', 'core/cli/clone.ts'],
  guest: [
    'plugins/index.ts',
    'core/plugin/load.ts',
    'core/cli/create.ts',
    'core/cli/start.ts',
    'core/cli/destroy.ts',
    'plugins/bootstrap-debian/pins.ts',
  ],
  openpgp: ['node_modules/openpgp/dist/node/openpgp.min.cjs'],
  xz: ['node_modules/xz-decompress/dist/package/xz-decompress.js'],
}

type Outputs = NonNullable<BuildResult['metafile']>['outputs']

/**
 * Bundles an entry. Names stay as written, so that stack traces can be read; modules behind
 * `await import()` are evaluated when they are first asked for.
 *
 * @throws {Error} when esbuild fails or warns
 */
export async function bundle(entry: string, root: string): Promise<Bundle> {
  const chunks = await run({
    ...common,
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: '.',
    chunkNames: 'chunk-[name]-[hash]',
    splitting: true,
    metafile: true,
    format: 'esm',
    // Its modules look for their own address, which a CommonJS file does not have.
    alias: { openpgp: join(root, 'node_modules/openpgp/dist/node/openpgp.min.cjs') },
    define: {
      VSERVER_GUEST_FILTER: JSON.stringify(Buffer.from(compileGuestFilter()).toString('base64')),
    },
  })
  const { inputs = {}, outputs = {} } = chunks.metafile ?? {}
  const places = placeChunks(outputs)
  const packs = new Map<string, Buffer[]>()
  for (const { path, text } of chunks.outputFiles ?? []) {
    const name = `./${basename(path)}`
    const pack = places.get(name) ?? 'rest'
    const { code } = await transform(text, { ...transformed, sourcefile: name })
    packs.set(pack, [
      ...packs.get(pack) ?? [],
      Buffer.from(`${JSON.stringify(name)}:function(exports,require,module){${code}\n},`),
    ])
  }
  const main = await run({
    ...common,
    absWorkingDir: root,
    entryPoints: ['build/loader/main.ts'],
    format: 'cjs',
    define: {
      VSERVER_PACKS: JSON.stringify(Object.fromEntries(places)),
      VSERVER_ENTRY: JSON.stringify(`./${basename(entry).replace(/\.[cm]?[jt]s$/, '.js')}`),
    },
  })
  const packages = Object.keys(inputs).flatMap((path) => {
    const found = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)
    return found?.[1] === undefined ? [] : [found[1]]
  })
  return {
    main: main.outputFiles?.[0]?.contents ?? new Uint8Array(),
    packs: new Map(
      [...packs].map(([name, parts]) => [
        name,
        Buffer.concat([Buffer.from('({'), ...parts, Buffer.from('})')]),
      ]),
    ),
    packages: [...new Set(packages)].sort(),
  }
}

const style = {
  platform: 'node',
  target: 'node26',
  // A single letter beyond ASCII would double the memory that a script takes.
  charset: 'ascii',
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'silent',
} as const

const common = { ...style, bundle: true, write: false } as const

const transformed = {
  ...style,
  format: 'cjs',
  // In the single executable, import() reaches built-in modules only, and require() is cheaper.
  supported: { 'dynamic-import': false },
} as const

async function run(options: BuildOptions): Promise<BuildResult> {
  const result = await build(options)
  const [warning] = result.warnings
  if (warning === undefined) return result
  const entry = String(Object.values(options.entryPoints ?? {})[0])
  const place = warning.location === null
    ? entry
    : `${warning.location.file}:${warning.location.line}`
  throw new Error(`Cannot bundle "${entry}": ${warning.text} at ${place}`)
}

/** The pack of every chunk. Pure. */
function placeChunks(outputs: Outputs): ReadonlyMap<string, string> {
  const entries = new Map(
    Object.entries(outputs).flatMap(([path, { entryPoint }]) =>
      entryPoint === undefined ? [] : [[entryPoint, path] as const]
    ),
  )
  // The entry of all is the only one that no other output loads.
  const loaded = new Set(Object.values(outputs).flatMap((one) => one.imports.map((i) => i.path)))
  const first = Object.keys(outputs).filter((path) => !loaded.has(path))
  const wishes: (readonly [string, readonly string[]])[] = [
    ['front', first],
    ...Object.entries(packModules).map(([pack, modules]) =>
      [pack, modules.flatMap((module) => entries.get(module) ?? [])] as const
    ),
    ['rest', Object.keys(outputs)],
  ]
  const places = new Map<string, string>()
  const place = (path: string, pack: string): void => {
    const name = `./${basename(path)}`
    const output = outputs[path]
    if (output === undefined || places.has(name)) return
    places.set(name, pack)
    for (const { path: next, kind } of output.imports) {
      if (kind === 'import-statement') place(next, pack)
    }
  }
  for (const [pack, paths] of wishes) for (const path of paths) place(path, pack)
  return places
}
