/**
 * The sources that the style tests look at, read once.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/paths.ts'

export interface Source {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
}

export interface Import {
  /** As written. */
  readonly specifier: string
  /** Path relative to the repository, or `undefined` for packages and built-in modules. */
  readonly target: string | undefined
  /** Nothing is left of it at run time. */
  readonly typeOnly: boolean
  /** `import()`: evaluated when it is first asked for. */
  readonly lazy: boolean
}

/** Folders of design section 6; everything that is written lies in one of them. */
export const folders = ['core', 'plugins', 'build', 'bench', 'test'] as const

/** Reads all files below the folders whose names end like one of these, sorted by path. */
export function sources(endings: readonly string[], within: readonly string[] = folders): Source[] {
  return within
    .filter((folder) => existsSync(join(repository, folder)))
    .flatMap((folder) =>
      readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
        .map((path) => join(folder, path))
    )
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(repository, path), 'utf8') }))
}

const importPattern =
  /^(?:import|export)\s+(type\s)?([^'";]*?\bfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

/** The imports of a TypeScript file. Pure. */
export function importsOf({ path, text }: Source): readonly Import[] {
  return [...text.matchAll(importPattern)].map(([, type, names, plain, dynamic]) => {
    const specifier = plain ?? dynamic ?? ''
    const inline = /^\{(\s*type\s[^,}]*,?)+\s*\}\s*from\s+$/.test(names ?? '')
    return {
      specifier,
      target: specifier.startsWith('.') ? join(path, '..', specifier) : undefined,
      typeOnly: type !== undefined || inline,
      lazy: dynamic !== undefined,
    }
  })
}
