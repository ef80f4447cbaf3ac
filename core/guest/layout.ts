/**
 * Reads and writes whole structures of the binary interface by field name. Pure.
 *
 * @module
 */
import type { Layout } from '../plan/abi.ts'
import { fields } from '../plan/layout.ts'

/** A place in bytes where a structure starts. */
export interface Place {
  readonly bytes: Uint8Array
  readonly offset: number
}

export type FieldValue = number | bigint | Uint8Array

/** Fields of one structure, by name. Each throws RangeError for a name that is not there. */
export interface Fields {
  number(name: string): number
  big(name: string): bigint
  bytes(name: string): Uint8Array
}

/** Writes every field of a structure; a field without a value is an error. */
export function writeFields(
  structure: Layout,
  place: Place,
  values: Readonly<Record<string, FieldValue>>,
): void {
  for (const { name, offset, width, count } of fields(structure)) {
    const value = values[name]
    const at = place.offset + offset
    if (value === undefined) throw new RangeError(`no value for field ${name}`)
    if (value instanceof Uint8Array) {
      if (value.length !== width * count) {
        throw new RangeError(`field ${name} takes ${width * count} bytes`)
      }
      place.bytes.set(value, at)
      continue
    }
    let rest = BigInt.asUintN(width * 8, BigInt(value))
    for (let index = 0; index < width; index++, rest >>= 8n) {
      place.bytes[at + index] = Number(rest & 0xffn)
    }
  }
}

/** Gives access to the fields of a structure. Signed fields are read as signed. */
export function readFields(structure: Layout, place: Place): Fields {
  const known = new Map(fields(structure).map((field) => [field.name, field]))
  const find = (name: string) => {
    const field = known.get(name)
    if (field === undefined) throw new RangeError(`no field ${name}`)
    return { ...field, at: place.offset + field.offset }
  }
  const big = (name: string): bigint => {
    const { at, width, type } = find(name)
    let value = 0n
    for (let index = width - 1; index >= 0; index--) {
      value = (value << 8n) | BigInt(place.bytes[at + index] ?? 0)
    }
    return type.startsWith('i') ? BigInt.asIntN(width * 8, value) : value
  }
  return {
    big,
    number: (name) => Number(big(name)),
    bytes(name) {
      const { at, width, count } = find(name)
      return place.bytes.slice(at, at + width * count)
    },
  }
}
