/**
 * Sources that people name: what bootstrappers of trees have in common.
 *
 * @module
 */
import { existsSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { errors } from '../../errors.ts'

export interface Source {
  /** Absolute and without links. */
  readonly path: string
  readonly stat: Stats
}

/** @throws {VServerError} E_SOURCE when it is not there, or cannot be reached */
export function readSource(source: string, verb: 'copy' | 'unpack'): Source {
  try {
    const path = realpathSync(resolve(source))
    return { path, stat: statSync(path) }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    const detail = error.code === 'ENOENT'
      ? 'it does not exist'
      : `it cannot be read (${error.code})`
    throw errors.E_SOURCE(`Cannot ${verb} "${source}": ${detail}`, {
      hint: 'give an existing absolute path',
      details: { source },
      cause: error,
    })
  }
}

/** The state directory, of whatever root, that a path lies in; undefined for none. */
export function stateDirectoryAbove(path: string): string | undefined {
  for (let at = path;; at = dirname(at)) {
    if (existsSync(resolve(at, 'format')) && existsSync(resolve(at, 'templates'))) return at
    if (at === dirname(at)) return undefined
  }
}

/** Whether `path` is `directory` or lies below it. Pure. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}

/** Words of a template's id: letters, digits, dots and dashes of a file name; never empty. Pure. */
export function idWords(name: string): string {
  const words = name.toLowerCase().replace(/[^a-z0-9.]+/g, '-').replace(/^[-.]+|[-.]+$/g, '')
  return words.slice(0, 40).replace(/[-.]+$/, '') || 'tree'
}
