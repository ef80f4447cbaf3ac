/**
 * Columns of numbers that grow together. Pure.
 *
 * @module
 */

/** What is known of files; see {@link FileNode}. */
export function columns(length: number) {
  return {
    ino: new Float64Array(length),
    size: new Float64Array(length),
    blocks: new Float64Array(length),
    mtimeSec: new Float64Array(length),
    ctimeSec: new Float64Array(length),
    mtimeNsec: new Uint32Array(length),
    ctimeNsec: new Uint32Array(length),
    nlink: new Uint32Array(length),
    /** Pages in memory before it was read. */
    cached: new Uint32Array(length),
    /** Which mode and owner. */
    owner: new Uint32Array(length),
    firstName: new Int32Array(length),
    /** How many names were found. */
    names: new Uint32Array(length),
    writable: new Uint8Array(length),
    state: new Uint8Array(length),
  }
}

/** Names: where they lie, and which is the next one of their file. */
export interface Names {
  readonly place: Uint32Array
  /** Of the name's bytes in the pool, and how many. */
  readonly at: Float64Array
  readonly bytes: Uint8Array
  /** A number plus one; 0 at the end. */
  readonly next: Int32Array
}

/** Room for so many names. */
export function nameColumns(length: number): Names {
  return {
    place: new Uint32Array(length),
    at: new Float64Array(length),
    bytes: new Uint8Array(length),
    next: new Int32Array(length),
  }
}

type Column = Float64Array | Uint32Array | Int32Array | Uint8Array

function doubled<C extends Column>(column: C): C {
  const { constructor } = column
  const bigger = Reflect.construct(constructor, [2 * column.length]) as C
  bigger.set(column)
  return bigger
}

/** The same columns with room for twice as many. */
export function grown<C extends object>(all: C): C {
  return Object.fromEntries(
    Object.entries(all).map(([key, column]) => [key, doubled(column as Column)]),
  ) as C
}
