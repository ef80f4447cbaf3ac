/**
 * Directories with those above them. Node's own way takes a quota that is used up for a directory that is
 * missing.
 *
 * @module
 */
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes a directory, and what is missing above it; one that is there stays as it is. */
export function makeDirectories(path: string, mode: number): void {
  if (makeOne(path, mode) || dirname(path) === path) return
  makeDirectories(dirname(path), mode)
  // Fails with the reason where what is above it is no directory.
  if (!makeOne(path, mode)) mkdirSync(path, { mode })
}

/** @returns false where something is missing above it */
function makeOne(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode })
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST' && statSync(path).isDirectory()) return true
    if (code === 'ENOENT') return false
    throw error
  }
}
