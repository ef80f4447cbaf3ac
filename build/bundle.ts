/**
 * Everything in TypeScript, cut into scripts for the single executable application: see `loader/load.ts`.
 *
 * Modules behind `await import()` are put into packs, by the verbs that need them. esbuild makes a script
 * of each pack and of what packs share, so that nothing is there twice.
 *
 * @module
 */
import { basename, join, relative } from 'node:path'
import { build, type BuildOptions, type BuildResult, type Plugin, transform } from 'esbuild'
import { compileGuestFilter } from '../core/context/filter.ts'
import { MODULE } from './loader/load.ts'

export interface Bundle {
  /** The main script, which loads the others. */
  readonly main: Uint8Array
  /** Scripts by name, without `.js`; ASCII. */
  readonly scripts: ReadonlyMap<string, Uint8Array>
  /** Names of the packages that ended up in it, sorted. */
  readonly packages: readonly string[]
}

/**
 * What is loaded together, most used first. What is not named here is in `rest`. A pack that is loaded is
 * evaluated whole, so that what loads costly built-in modules has one of its own.
 */
const packs: Readonly<Record<string, readonly string[]>> = {
  clone: ['core/host/root.ts', 'core/cli/clone.ts'],
  start: ['plugins/index.ts', 'core/plugin/load.ts', 'core/cli/start.ts'],
  create: ['core/cli/create.ts', 'plugins/bootstrap-debian/pins.ts'],
  session: ['core/plan/session.ts'],
  trees: [
    'plugins/bootstrap-dir/make.ts',
    'plugins/bootstrap-tar/make.ts',
    'plugins/bootstrap-guest/make.ts',
    'core/guest/run_in_tree.ts',
  ],
  debian: ['plugins/bootstrap-debian/make.ts'],
  openpgp: ['node_modules/openpgp/dist/node/openpgp.min.cjs'],
  xz: ['core/host/tree/xz.ts'],
  test: ['core/cli/plugins.ts'],
}

const style = {
  platform: 'node',
  target: 'node26',
  // A single letter beyond ASCII would double the memory that a script takes.
  charset: 'ascii',
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'silent',
} as const

/**
 * Bundles an entry. Names stay as written, so that stack traces can be read; modules behind
 * `await import()` are evaluated when their pack is first asked for.
 *
 * @throws {Error} when esbuild fails or warns
 */
export async function bundle(entry: string, root: string): Promise<Bundle> {
  const program: BuildOptions = {
    ...style,
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: '.',
    chunkNames: 'shared-[hash]',
    format: 'esm',
    // Its modules look for their own address, which a CommonJS file does not have.
    alias: { openpgp: join(root, 'node_modules/openpgp/dist/node/openpgp.min.cjs') },
    define: {
      // openpgp asks for its own place to reach built-in modules from there; a script has none.
      __filename: '"/vserver.cjs"',
      VSERVER_GUEST_FILTER: JSON.stringify(Buffer.from(compileGuestFilter()).toString('base64')),
    },
  }
  const packOf = await placeModules(program, entry)
  const names = ['front', ...new Set(packOf.values())]
  const { outputFiles = [], metafile } = await run({
    ...program,
    entryPoints: names.map((name) => ({
      in: name === 'front' ? entry : `pack:${name}`,
      out: name,
    })),
    plugins: [packing(packOf, root)],
  })
  const scripts = outputFiles.map(async ({ path, text }) => {
    const { code } = await transform(text, {
      ...style,
      format: 'cjs',
      // In the single executable, import() reaches built-in modules only, and require() is cheaper.
      supported: { 'dynamic-import': false },
      sourcefile: basename(path),
    })
    const whole = `(function(exports,require,module){${code}\n})`
    return [basename(path, '.js'), Buffer.from(whole)] as const
  })
  const main = await run({
    ...style,
    absWorkingDir: root,
    bundle: true,
    write: false,
    entryPoints: ['build/loader/main.ts'],
    format: 'cjs',
    define: { VSERVER_PACKS: JSON.stringify(Object.fromEntries(packOf)) },
  })
  const packages = Object.keys(metafile?.inputs ?? {}).flatMap((path) => {
    const found = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)
    return found?.[1] === undefined ? [] : [found[1]]
  })
  return {
    main: main.outputFiles?.[0]?.contents ?? new Uint8Array(),
    scripts: new Map(await Promise.all(scripts)),
    packages: [...new Set(packages)].sort(),
  }
}

/** The pack of every module behind `await import()`, by its path below the root. */
async function placeModules(
  program: BuildOptions,
  entry: string,
): Promise<ReadonlyMap<string, string>> {
  const { metafile } = await run({ ...program, entryPoints: [entry] })
  const outputs = metafile?.outputs ?? {}
  const wanted = Object.values(outputs).flatMap(({ imports }) =>
    imports.flatMap(({ path, kind }) =>
      kind === 'dynamic-import' ? outputs[path]?.entryPoint ?? [] : []
    )
  )
  const placed = new Map(
    Object.entries(packs).flatMap(([pack, modules]) => modules.map((one) => [one, pack] as const)),
  )
  return new Map([...new Set(wanted)].sort().map((one) => [one, placed.get(one) ?? 'rest']))
}

/** Resolves `await import()` to what the loader understands, and makes packs of modules. */
function packing(packOf: ReadonlyMap<string, string>, root: string): Plugin {
  return {
    name: 'packs',
    setup(build) {
      build.onResolve({ filter: /^pack:/ }, ({ path }) => ({ path, namespace: 'packs' }))
      build.onLoad({ filter: /.*/, namespace: 'packs' }, ({ path }) => {
        const modules = [...packOf].filter(([, pack]) => path === `pack:${pack}`)
        const lines = modules.map(([module]) =>
          `export * as ${JSON.stringify(module)} from ${JSON.stringify(join(root, module))}`
        )
        return { contents: lines.join('\n'), resolveDir: root }
      })
      build.onResolve({ filter: /.*/ }, async ({ path, kind, resolveDir }) => {
        if (kind !== 'dynamic-import' || path.startsWith('node:')) return undefined
        const found = await build.resolve(path, { resolveDir, kind: 'import-statement' })
        if (found.errors.length > 0) return { errors: found.errors }
        return { path: `${MODULE}${relative(root, found.path)}`, external: true }
      })
    },
  }
}

async function run(options: BuildOptions): Promise<BuildResult> {
  const result = await build(options)
  const [warning] = result.warnings
  if (warning === undefined) return result
  const place = warning.location === null
    ? ''
    : ` at ${warning.location.file}:${warning.location.line}`
  throw new Error(`Cannot bundle the program: ${warning.text}${place}`)
}
