/**
 * Reads and writes structures of the binary interface by field name. Pure.
 *
 * @module
 */
import type { FieldType, Layout } from '../plan/abi.ts'

/** A place in bytes where a structure starts. */
export interface Place {
  readonly bytes: Uint8Array
  readonly offset: number
}

export type FieldValue = number | bigint | Uint8Array

/** Fields of one structure, by name. Each throws RangeError for a name or kind that is not there. */
export interface Fields {
  number(name: string): number
  big(name: string): bigint
  bytes(name: string): Uint8Array
}

/** Bytes that a field takes. */
export function fieldSize(type: FieldType): number {
  const array = /^u(8|16|64)x(\d+)$/.exec(type)
  if (array !== null) return (Number(array[1]) / 8) * Number(array[2])
  if (type.startsWith('bytes')) return Number(type.slice(5))
  return Number(type.slice(1)) / 8
}

/** Bytes that a structure takes. */
export function sizeOf(structure: Layout): number {
  return structure.reduce((sum, [, type]) => sum + fieldSize(type), 0)
}

/** Writes every field of a structure; a field without a value is an error. */
export function writeFields(
  structure: Layout,
  place: Place,
  values: Readonly<Record<string, FieldValue>>,
): void {
  const view = new DataView(place.bytes.buffer, place.bytes.byteOffset, place.bytes.byteLength)
  let at = place.offset
  for (const [name, type] of structure) {
    const value = values[name]
    const size = fieldSize(type)
    if (value === undefined) throw new RangeError(`no value for field ${name}`)
    if (value instanceof Uint8Array) {
      if (value.length !== size) throw new RangeError(`field ${name} takes ${size} bytes`)
      place.bytes.set(value, at)
    } else if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true)
    else if (size === 4) view.setUint32(at, Number(value), true)
    else if (size === 2) view.setUint16(at, Number(value), true)
    else view.setUint8(at, Number(value))
    at += size
  }
}

/** Gives access to the fields of a structure. Signed fields are read as signed. */
export function readFields(structure: Layout, place: Place): Fields {
  const view = new DataView(place.bytes.buffer, place.bytes.byteOffset, place.bytes.byteLength)
  const find = (name: string): { at: number; type: FieldType } => {
    let at = place.offset
    for (const [field, type] of structure) {
      if (field === name) return { at, type }
      at += fieldSize(type)
    }
    throw new RangeError(`no field ${name}`)
  }
  const big = (name: string): bigint => {
    const { at, type } = find(name)
    switch (type) {
      case 'u64':
        return view.getBigUint64(at, true)
      case 'i64':
        return view.getBigInt64(at, true)
      case 'u32':
        return BigInt(view.getUint32(at, true))
      case 'u16':
        return BigInt(view.getUint16(at, true))
      case 'u8':
        return BigInt(view.getUint8(at))
      default:
        throw new RangeError(`field ${name} is not a number`)
    }
  }
  return {
    big,
    number: (name) => Number(big(name)),
    bytes(name) {
      const { at, type } = find(name)
      return place.bytes.slice(at, at + fieldSize(type))
    },
  }
}
