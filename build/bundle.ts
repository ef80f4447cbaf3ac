/**
 * One CommonJS file of everything in TypeScript, for the single executable application.
 *
 * @module
 */
import { join } from 'node:path'
import { build } from 'esbuild'
import { compileGuestFilter } from '../core/context/filter.ts'

export interface Bundle {
  readonly code: Uint8Array
  /** Names of the packages that ended up in it, sorted. */
  readonly packages: readonly string[]
}

/**
 * Bundles an entry. Names and syntax stay as written, so that stack traces can be read; modules behind
 * `await import()` are evaluated when they are first asked for.
 *
 * @throws {Error} when esbuild fails or warns
 */
export async function bundle(entry: string, root: string): Promise<Bundle> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: 'vserver.cjs',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node26',
    format: 'cjs',
    charset: 'utf8',
    minifyWhitespace: true,
    legalComments: 'none',
    // Its modules look for their own address, which a CommonJS file does not have.
    alias: { openpgp: join(root, 'node_modules/openpgp/dist/node/openpgp.min.cjs') },
    define: {
      VSERVER_GUEST_FILTER: JSON.stringify(Buffer.from(compileGuestFilter()).toString('base64')),
    },
    // In the single executable, import() reaches built-in modules only, and require() is cheaper.
    supported: { 'dynamic-import': false },
    logLevel: 'silent',
  })
  const [warning] = result.warnings
  if (warning !== undefined) {
    const place = warning.location === null
      ? entry
      : `${warning.location.file}:${warning.location.line}`
    throw new Error(`Cannot bundle "${entry}": ${warning.text} at ${place}`)
  }
  const [file] = result.outputFiles
  if (file === undefined) throw new Error(`Cannot bundle "${entry}": esbuild gave no file`)
  const packages = Object.keys(result.metafile.inputs).flatMap((path) => {
    const found = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)
    return found?.[1] === undefined ? [] : [found[1]]
  })
  return { code: file.contents, packages: [...new Set(packages)].sort() }
}
