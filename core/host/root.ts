/**
 * Where vserver keeps things: three directories below one root, and their safety.
 *
 * @module
 */
import { join, resolve } from 'node:path'

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

/**
 * The digest of a root: FNV-1a of 64 bits, its first six hex digits. It tells roots apart and guards
 * nothing; node:crypto would cost 7 ms to load. Pure.
 *
 * @see RFC 9923
 */
export function digest6(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, '0').slice(0, 6)
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
