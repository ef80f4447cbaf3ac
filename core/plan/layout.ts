/**
 * Sizes and offsets of the layouts in `abi.ts`, and typed access to them in a DataView. Pure.
 *
 * @module
 */
import { type FieldType, type Layout, layout } from './abi.ts'

/** Where a field lies and how it is made up: `count` integers of `width` bytes. */
export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly offset: number
  readonly width: number
  readonly count: number
}

/** The width and the number of the integers of a field. */
function shape(type: FieldType): { width: number; count: number } {
  const match = /^(?:bytes(\d+)|[ui](8|16|32|64)(?:x(\d+))?)$/.exec(type)
  if (!match) throw new RangeError(`unknown field type ${type}`)
  const [, bytes, bits, count] = match
  if (bytes !== undefined) return { width: 1, count: Number(bytes) }
  return { width: Number(bits) / 8, count: Number(count ?? 1) }
}

/** The fields of a layout with their offsets in bytes. */
export function fields(of: Layout): readonly Field[] {
  let offset = 0
  return of.map(([name, type]) => {
    const { width, count } = shape(type)
    const field = { name, type, offset, width, count }
    offset += width * count
    return field
  })
}

/** The size of a layout in bytes. */
export function sizeOf(of: Layout): number {
  return fields(of).reduce((sum, { width, count }) => sum + width * count, 0)
}

/** The offset of one field in bytes. Throws RangeError when the layout has no such field. */
export function offsetOf<L extends Layout>(of: L, name: L[number][0]): number {
  const field = fields(of).find((each) => each.name === name)
  if (!field) throw new RangeError(`no field ${name}`)
  return field.offset
}

/** Sizes of the structures that a plan and its answer are made of, in bytes. */
export const size = {
  HEADER: sizeOf(layout.header),
  PROGRAM: sizeOf(layout.program),
  OP: sizeOf(layout.op),
  FRAME: sizeOf(layout.frame),
} as const
