/**
 * Where stores are: names of one inode lie on one file system, so each that trees lie on has its own.
 *
 * @module
 */
import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { type MountEntry, parseMounts } from '../host/mounts.ts'
import type { Root } from '../host/root.ts'

/** A store, and the index of the trees on its file system. Absolute paths; neither needs to be there. */
export interface StorePlace {
  readonly store: string
  readonly index: string
}

export interface Stores {
  /** Those that trees can be shared through. */
  readonly places: readonly StorePlace[]
  /** What was one once, when a directory was a file system of its own: more names of files, and no use. */
  readonly stale: readonly string[]
  /** The store for a path; `undefined` where nothing can be linked. */
  placeOf(path: string): StorePlace | undefined
}

/** Directories that hold trees, and so may have a store. */
const holders = ['templates', 'layers'] as const

function mainPlace({ lib }: Root): StorePlace {
  return { store: join(lib, 'store'), index: join(lib, 'index.sqlite') }
}

/** Its name begins with a dot, as that of no tree does. */
function placeIn(directory: string): StorePlace {
  const store = join(directory, '.store')
  return { store, index: join(store, '.index.sqlite') }
}

/** Stores that are there, whether trees lie on their file systems or not. */
export function existingStores(root: Root): readonly StorePlace[] {
  const all = [mainPlace(root), ...holders.map((holder) => placeIn(join(root.lib, holder)))]
  return all.filter(({ store }) => existsSync(store))
}

/**
 * Finds out which directories are file systems of their own. What can be mounted at one moment is taken to
 * stay so for the command.
 *
 * @param toRead also those that cannot be written to
 */
export function findStores(root: Root, { toRead = false }: { toRead?: boolean } = {}): Stores {
  const fileSystemOf = fileSystems(root, { toRead })
  const places = new Map<string | undefined, StorePlace>()
  const stale: string[] = []
  places.set(fileSystemOf(root.lib), mainPlace(root))
  for (const holder of holders) {
    const directory = join(root.lib, holder)
    const place = placeIn(directory)
    const fileSystem = fileSystemOf(directory)
    if (!places.has(fileSystem)) places.set(fileSystem, place)
    else if (existsSync(place.store)) stale.push(place.store)
  }
  places.delete(undefined)
  return {
    places: [...places.values()],
    stale,
    placeOf: (path) => places.get(fileSystemOf(path)),
  }
}

/**
 * Tells file systems apart: a link must stay within one mount, also where two show the same one, and in one
 * subvolume. One that is not there, or cannot be written to, has no name.
 */
function fileSystems(
  { lib }: Root,
  { toRead }: { toRead: boolean },
): (path: string) => string | undefined {
  const mounts = new Map<string, MountEntry>()
  for (const mount of parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'))) {
    mounts.set(mount.point, mount)
  }
  const real = existsSync(lib) ? realpathSync(lib) : lib
  const mountAt = (path: string): MountEntry | undefined =>
    mounts.get(path) ?? (path === '/' ? undefined : mountAt(dirname(path)))
  return (path) => {
    const found = lstatSync(path, { throwIfNoEntry: false })
    const mount = mountAt(join(real, relative(lib, path)))
    if (found === undefined || mount === undefined) return undefined
    if (mount.options.includes('ro') && !toRead) return undefined
    return `${found.dev} ${mount.point}`
  }
}
