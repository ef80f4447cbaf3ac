/**
 * The import arrows of the design: `linux ← plan ← context, cgroup ← host ← guest, plugin ← cli ← main`,
 * and core knows plugins only at `main.ts → plugins/index.ts`.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import * as assert from 'uvu/assert'
import { inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { importsOf, type Source, sources } from './sources.ts'

const test = suite('imports')

/** A part may import from its own rank and below. */
const ranks: Readonly<Record<string, number>> = {
  linux: 0,
  plan: 1,
  context: 2,
  cgroup: 2,
  host: 3,
  unify: 4,
  usage: 4,
  guest: 5,
  plugin: 5,
  cli: 6,
}

/** What a plugin may use. Guest and command line are not its business. */
const forPlugins = ['linux', 'plan', 'context', 'cgroup', 'host', 'plugin', 'errors.ts']

/** `core/plan/abi.ts` → `plan`; `core/errors.ts` → `errors.ts`. */
const partOf = (path: string) => path.split('/')[1] ?? ''

const code = sources(['.ts'], ['core', 'plugins'])

function violations(find: (source: Source) => readonly string[]): readonly string[] {
  return code.flatMap((source) => find(source).map((line) => `${source.path}: ${line}`))
}

test('point one way inside core', () => {
  const wrong = violations((source) => {
    const own = ranks[partOf(source.path)]
    if (!source.path.startsWith('core/') || own === undefined) return []
    return importsOf(source).flatMap(({ target, typeOnly }) => {
      if (target === undefined || !target.startsWith('core/')) return []
      // Errors are everybody's but of the two parts that others build upon.
      if (target === 'core/errors.ts') return own >= 2 ? [] : ['imports errors.ts']
      const other = ranks[partOf(target)]
      // The contracts between parts name types of what is handed over.
      if (typeOnly && partOf(target) === 'plugin') return []
      return other !== undefined && other <= own ? [] : [`imports ${target}`]
    })
  })
  assert.equal(wrong, [])
})

test('of plugins reach the core only at main.ts', () => {
  const wrong = violations((source) =>
    importsOf(source).flatMap(({ target }) => {
      if (!source.path.startsWith('core/') || !target?.startsWith('plugins/')) return []
      const allowed = source.path === 'core/main.ts' && target === 'plugins/index.ts'
      return allowed ? [] : [`imports ${target}`]
    })
  )
  assert.equal(wrong, [])
})

test('of a plugin are its own files and what the core offers plugins', () => {
  const wrong = violations((source) => {
    if (!source.path.startsWith('plugins/') || source.path === 'plugins/index.ts') return []
    return importsOf(source).flatMap(({ target }) => {
      if (target === undefined || target.startsWith(`plugins/${partOf(source.path)}/`)) return []
      return target.startsWith('core/') && forPlugins.includes(partOf(target))
        ? []
        : [`imports ${target}`]
    })
  })
  assert.equal(wrong, [])
})

test('form no circle', () => {
  const graph = new Map(code.map((source) => [
    source.path,
    importsOf(source).flatMap(({ target, typeOnly, lazy }) => typeOnly || lazy ? [] : target ?? []),
  ]))
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    if (done.has(path) || trail.includes(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  assert.equal(circles, [])
})

test('name files with .ts and built-in modules with node:', () => {
  const wrong = violations((source) =>
    importsOf(source).flatMap(({ specifier }) => {
      if (specifier.startsWith('.')) return /\.(ts|json)$/.test(specifier) ? [] : [specifier]
      return !specifier.startsWith('node:') && isBuiltin(specifier) ? [specifier] : []
    })
  )
  assert.equal(wrong, [])
})

test('of packages are dependencies, not development dependencies', () => {
  const manifest: unknown = JSON.parse(readFileSync(inRepository('package.json'), 'utf8'))
  const { dependencies } = manifest as { readonly dependencies: Readonly<Record<string, string>> }
  const wrong = violations((source) =>
    importsOf(source).flatMap(({ specifier }) => {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) return []
      const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
      return Object.hasOwn(dependencies, name) ? [] : [specifier]
    })
  )
  assert.equal(wrong, [])
})

test.run()

const parsing = suite('importsOf()')

parsing('sees every form', () => {
  const text = `
import { a } from './a.ts'
import type { B } from './b.ts'
import { type C, type D } from '../c.ts'
import {
  e,
  type F,
} from 'e'
export * from './g.ts'
import './h.ts'
const load = () => import('./i.ts')
`
  const found = importsOf({ path: 'core/x/y.ts', text })
  assert.equal(found.map(({ target, specifier }) => target ?? specifier), [
    ...[
      'core/x/a.ts',
      'core/x/b.ts',
      'core/c.ts',
      'e',
      'core/x/g.ts',
      'core/x/h.ts',
      'core/x/i.ts',
    ],
  ])
  assert.equal(
    found.map(({ typeOnly }) => typeOnly),
    [false, true, true, false, false, false, false],
  )
  assert.equal(found.map(({ lazy }) => lazy).indexOf(true), 6)
})

parsing.run()
