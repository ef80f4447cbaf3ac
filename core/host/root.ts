/**
 * Where vserver keeps things: three directories below one root, and their safety.
 *
 * @module
 */
import { join, resolve } from 'node:path'
import { digest64 } from './digest64.ts'

export interface Root {
  /** Absolute, `/` when none was given. */
  readonly dir: string
  /** Persistent: `DIR/var/lib/vserver`. */
  readonly lib: string
  /** Runtime: `DIR/run/vserver`. */
  readonly run: string
  /** The administrator's: `DIR/etc/vserver`. */
  readonly etc: string
  /** Six hex digits of a digest of `dir`: part of every name outside the file system. */
  readonly digest6: string
}

/**
 * Names the directories below a root. Links in the path are not resolved: the text is what counts, for
 * the native verbs work with the text too. Pure but for the working directory.
 */
export function rootAt(dir: string | undefined): Root {
  const absolute = resolve(dir === undefined || dir === '' ? '/' : dir)
  return {
    dir: absolute,
    lib: join(absolute, 'var/lib/vserver'),
    run: join(absolute, 'run/vserver'),
    etc: join(absolute, 'etc/vserver'),
    digest6: digest6(absolute),
  }
}

/** Six hex digits that tell roots apart. Pure. */
export function digest6(text: string): string {
  return digest64(text).slice(0, 6)
}

/** `ROOT/var/lib/vserver/guests/NAME`. */
export function guestDir(root: Root, name: string): string {
  return join(root.lib, 'guests', name)
}

/** `ROOT/run/vserver/guests/NAME`. */
export function runDir(root: Root, name: string): string {
  return join(root.run, 'guests', name)
}

/** `ROOT/var/lib/vserver/templates/ID`. */
export function templateDir(root: Root, id: string): string {
  return join(root.lib, 'templates', id)
}

/** `ROOT/var/lib/vserver/layers/ID`. */
export function layerDir(root: Root, id: string): string {
  return join(root.lib, 'layers', id)
}
