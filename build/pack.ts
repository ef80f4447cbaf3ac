/**
 * Makes `dist/vserver` from `dist/executor`, the unpacker and everything in TypeScript.
 *
 *     node build/pack.ts [--entry core/main.ts] [--dist dist]
 *
 * `VSERVER_BUILD_FAST=1` compresses less: the file is larger, and nothing else differs. What did not
 * change since the last build is taken from `dist/cache`.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { bundle } from './bundle.ts'
import { compressor } from './chunks.ts'
import { collectLicences } from './licences.ts'
import { assemble, buildId, type Carried, withBuild } from './payload.ts'
import { librariesOf, LOADER, makeSea, readAll, strippedNode, v8Flags } from './runtime.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const unpackerLibraries = ['libzstd.a', 'libmd.a']

/** Compiles the unpacker: static, for it runs where nothing else is. */
async function compileUnpacker(output: string): Promise<Buffer> {
  const warnings = ['-Wall', '-Wextra', '-Werror']
  const sources = globSync(join(root, 'build/unpacker/*.c')).sort()
  await run('gcc', [
    ...['-std=gnu17', '-D_GNU_SOURCE', '-O2', '-static', '-s', '-Wl,--build-id=none'],
    ...warnings,
    `-I${join(root, 'core/executor')}`,
    ...sources,
    ...['-o', output, '-lzstd', '-lmd'],
  ])
  return await readFile(output)
}

/** Absolute paths of the static libraries, as gcc finds them. */
async function staticLibraries(): Promise<readonly string[]> {
  const paths = unpackerLibraries.map((name) => run('gcc', [`-print-file-name=${name}`]))
  return (await Promise.all(paths)).map(({ stdout }) => stdout.trim())
}

/** Replaces a file without a moment in which it is missing or half written. */
async function replace(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, content)
  await chmod(temporary, mode)
  await rename(temporary, path)
}

function progress(text: string): void {
  console.error(`build: ${text}`)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      entry: { type: 'string', default: 'core/main.ts' },
      dist: { type: 'string', default: join(root, 'dist') },
    },
  })
  const dist = resolve(values.dist)
  const cache = join(dist, 'cache')
  const fast = process.env['VSERVER_BUILD_FAST'] === '1'
  const started = performance.now()
  await mkdir(cache, { recursive: true })

  const bundled = await bundle(resolve(values.entry), root)
  const flags = Buffer.from(v8Flags.join(' '))
  const code = Buffer.concat([bundled.main, ...bundled.scripts.values(), flags])
  progress(`bundle of ${kib(code.length)} in ${bundled.scripts.size} scripts`)
  const node = await strippedNode(cache)
  const nodeContent = await readFile(node)
  const libraries = await librariesOf(node)
  const unpacker = await compileUnpacker(join(cache, 'unpacker'))
  const carriedLibraries = await readAll(libraries)
  const licences = Buffer.from(
    await collectLicences({
      root,
      packages: bundled.packages,
      libraries: [...libraries, ...await staticLibraries()],
    }),
  )

  const plain = withBuild(await readFile(join(dist, 'executor')), new Uint8Array(32))
  const build = buildId(
    new Map<string, Uint8Array>([
      ...carriedLibraries,
      ['bundle', code],
      ['executor', plain],
      ['licences', licences],
      ['node', nodeContent],
      ['unpacker', unpacker],
    ]),
  )
  const executor = withBuild(plain, build)
  const key = createHash('sha256').update(code).update(nodeContent).digest('hex')
  const sea = await readFile(await makeSea(bundled, { node, cache, key }))

  progress(`compressing ${kib(sea.length)}${fast ? ', fast' : ''}`)
  const { compress, prune } = compressor(join(cache, 'chunks'), fast ? 3 : 19)
  const carry = async (name: string, content: Uint8Array, mode: number): Promise<Carried> => {
    return { name, mode, size: content.length, packed: await compress(content) }
  }
  const files = await Promise.all([
    carry('node', sea, 0o500),
    ...[...carriedLibraries].map(([name, content]) =>
      carry(name, content, name === LOADER ? 0o500 : 0o400)
    ),
    carry('licences', licences, 0o400),
  ])
  await prune()

  const file = assemble({ executor, unpacker, files, build })
  await replace(join(dist, 'licences'), licences, 0o644)
  await replace(join(dist, 'executor'), executor, 0o755)
  await replace(join(dist, 'vserver'), file, 0o755)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const name = basename(dist)
  progress(
    `${name}/vserver, ${kib(file.length)}, build ${hex(build).slice(0, 12)}, in ${seconds} s`,
  )
}

function kib(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

await main()
