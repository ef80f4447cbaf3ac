/**
 * Where out-of-tree plugins are, without loading what loads them.
 *
 * @module
 */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Root } from '../host/root.ts'

/** The directory of all of them. */
export function pluginsDir(root: Pick<Root, 'etc'>): string {
  return join(root.etc, 'plugins')
}

/** Names of the directories in it, sorted. */
export function pluginNames(root: Pick<Root, 'etc'>): readonly string[] {
  try {
    return readdirSync(pluginsDir(root), { withFileTypes: true })
      // What is no directory may be a note of the administrator's.
      .filter((entry) => !entry.name.startsWith('.') && !entry.isFile())
      .map(({ name }) => name)
      .toSorted()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return []
    // Without root, verbs that need no plugin work all the same.
    if (code === 'EACCES' && process.geteuid?.() !== 0) return []
    throw error
  }
}

/**
 * Everything that decides which plugins there are and what they are: a change of any makes plans stale.
 */
export function pluginInputs(root: Pick<Root, 'etc'>): readonly string[] {
  const directory = pluginsDir(root)
  const inside = lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
    ? readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()
    : []
  return [directory, ...inside.map((path) => join(directory, path))]
}
