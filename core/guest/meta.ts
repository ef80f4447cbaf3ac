/**
 * `meta.json` of a guest: what vserver itself keeps of it, beside the file that a person edits. Pure.
 *
 * @module
 */
import * as v from 'valibot'
import { errors } from '../errors.ts'

export interface Meta {
  readonly version: 1
  /** Id of the template; its directory is below `templates`. */
  readonly template: string
  /** Ids of sealed layers, top first. */
  readonly layers: readonly string[]
  readonly ids: { readonly first: number; readonly count: number }
  /** What the guest was made from; guests of older builds have it in their guest.yaml alone. */
  readonly from?: string | undefined
  /** UTC, ISO 8601 with milliseconds. */
  readonly createdAt: string
}

/** An id is also the name of a directory: it must not lead anywhere else. */
const id = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]*$/))

const schema = v.strictObject({
  version: v.literal(1),
  template: id,
  layers: v.array(id),
  ids: v.strictObject({
    first: v.pipe(v.number(), v.integer(), v.minValue(1)),
    count: v.pipe(v.number(), v.integer(), v.minValue(1)),
  }),
  from: v.optional(v.string()),
  createdAt: v.string(),
})

/** The text of `meta.json`. Pure. */
export function encodeMeta(meta: Meta): string {
  return `${JSON.stringify(meta, undefined, 2)}\n`
}

/**
 * @param file path, for the message
 * @throws {VServerError} E_FORMAT
 */
export function parseMeta(file: string, text: string): Meta {
  const result = v.safeParse(schema, parseJson(text))
  if (result.success) return result.output
  throw errors.E_FORMAT(`Cannot use "${file}": it is not what vserver wrote there`, {
    hint: 'restore it from a backup, or destroy the guest',
    details: { file },
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
