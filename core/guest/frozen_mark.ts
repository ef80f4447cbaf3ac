/**
 * `RUN/frozen` of a guest: a command holds it still, or died while it did.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Root, runDir } from '../host/root.ts'

/** The file that is there while a guest is held still. */
export function frozenMark(root: Root, name: string): string {
  return join(runDir(root, name), 'frozen')
}

/** Whether a command holds a guest still, or died while it did: then nobody has the guest's lock. */
export function isMarkedFrozen(root: Root, name: string): boolean {
  return existsSync(frozenMark(root, name))
}
