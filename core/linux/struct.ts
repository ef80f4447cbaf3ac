/**
 * C structures as data: field lists with the layout rules of the System V ABI (natural alignment),
 * little-endian. Pure.
 *
 * ```ts
 * const timespec = struct('struct timespec', [['tv_sec', 'i64'], ['tv_nsec', 'i64']])
 * timespec.encode({ tv_sec: 1 })     // 16 bytes
 * timespec.at('tv_nsec')             // { offset: 8, width: 8 }, as a PUT wants it
 * ```
 *
 * @module
 */

/** Field types. `be16` is in network byte order; `bytesN` is an array of N bytes. */
export type StructField =
  | 'u8'
  | 'u16'
  | 'be16'
  | 'u32'
  | 'i32'
  | 'u64'
  | 'i64'
  | `bytes${number}`

/** What a field may be set to. */
export type FieldValue = number | bigint | Uint8Array

/** Where a field lies, in bytes. */
export interface Place {
  readonly offset: number
  readonly width: number
}

export interface Struct<Name extends string> {
  /** Name of the type in C. */
  readonly type: string
  /** Size in bytes, padding at the end included. */
  readonly size: number
  /** Names of the fields in order. */
  readonly fields: readonly Name[]
  /** Where a field lies. */
  at(field: Name): Place
  /**
   * Encodes; fields that are not given are 0.
   * @throws {RangeError} when a value does not fit its field
   */
  encode(values: Readonly<Partial<Record<Name, FieldValue>>>): Uint8Array<ArrayBuffer>
  /** Reads an integer field from the structure that starts at `base` in `bytes`. */
  get(bytes: Uint8Array, field: Name, base?: number): bigint
}

interface Slot extends Place {
  readonly type: StructField
}

function widthOf(type: StructField): number {
  return type.startsWith('bytes') ? Number(type.slice(5)) : Number(type.replace(/\D+/, '')) / 8
}

function write(view: DataView, name: string, slot: Slot, value: FieldValue): void {
  if (value instanceof Uint8Array) {
    if (value.length > slot.width) {
      throw new RangeError(`${name}: ${value.length} bytes do not fit in ${slot.width}`)
    }
    new Uint8Array(view.buffer, slot.offset, slot.width).set(value)
    return
  }
  const bits = slot.width * 8
  const number = BigInt(value)
  // Negative numbers are taken for unsigned fields too: -1 is how C spells "all bits" or "no file".
  if (number >= 1n << BigInt(bits) || number < -(1n << BigInt(bits - 1))) {
    throw new RangeError(`${name}: ${value} does not fit in ${bits} bits`)
  }
  const little = slot.type !== 'be16'
  const unsigned = BigInt.asUintN(bits, number)
  if (bits === 8) view.setUint8(slot.offset, Number(unsigned))
  else if (bits === 16) view.setUint16(slot.offset, Number(unsigned), little)
  else if (bits === 32) view.setUint32(slot.offset, Number(unsigned), little)
  else view.setBigUint64(slot.offset, unsigned, little)
}

function read(view: DataView, slot: Slot, base: number): bigint {
  const at = base + slot.offset
  switch (slot.type) {
    case 'u8':
      return BigInt(view.getUint8(at))
    case 'u16':
      return BigInt(view.getUint16(at, true))
    case 'be16':
      return BigInt(view.getUint16(at, false))
    case 'u32':
      return BigInt(view.getUint32(at, true))
    case 'i32':
      return BigInt(view.getInt32(at, true))
    case 'u64':
      return view.getBigUint64(at, true)
    case 'i64':
      return view.getBigInt64(at, true)
    default:
      throw new RangeError(`not an integer field: ${slot.type satisfies `bytes${number}`}`)
  }
}

/** Lays out a structure. Pure. */
export function struct<const Name extends string>(
  type: string,
  fields: readonly (readonly [name: Name, type: StructField])[],
): Struct<Name> {
  const slots = new Map<string, Slot>()
  let end = 0
  let align = 1
  for (const [name, fieldType] of fields) {
    const width = widthOf(fieldType)
    const alignment = fieldType.startsWith('bytes') ? 1 : width
    const offset = Math.ceil(end / alignment) * alignment
    slots.set(name, { type: fieldType, offset, width })
    end = offset + width
    align = Math.max(align, alignment)
  }
  const size = Math.ceil(end / align) * align
  const find = (name: string) => {
    const slot = slots.get(name)
    if (slot === undefined) throw new RangeError(`${type} has no field ${name}`)
    return slot
  }
  return {
    type,
    size,
    fields: fields.map(([name]) => name),
    at: (field) => ({ offset: find(field).offset, width: find(field).width }),
    encode(values) {
      const bytes = new Uint8Array(size)
      const view = new DataView(bytes.buffer)
      for (const [name, value] of Object.entries<FieldValue | undefined>(values)) {
        if (value !== undefined) write(view, `${type}.${name}`, find(name), value)
      }
      return bytes
    },
    get: (bytes, field, base = 0) =>
      read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), find(field), base),
  }
}
