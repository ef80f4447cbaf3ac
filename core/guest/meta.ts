/**
 * `meta.json` of a guest: what vserver itself keeps of it, beside the file that a person edits. Pure.
 *
 * @module
 */
import * as v from 'valibot'
import { errors } from '../errors.ts'
import { namePattern } from './name.ts'

export interface Meta {
  /** Id of the template; its directory is below `templates`. */
  readonly template: string
  /** Ids of sealed layers, top first. */
  readonly layers: readonly string[]
  readonly ids: { readonly first: number; readonly count: number }
  /** What the guest was made from; guests of older builds have it in their guest.yaml alone. */
  readonly from?: string | undefined
  /** UTC, ISO 8601 with milliseconds. */
  readonly createdAt: string
  /** Kept states, oldest first. */
  readonly snapshots: readonly Snapshot[]
}

/** A state of a guest that is kept: it costs nothing but what the guest has changed since. */
export interface Snapshot {
  readonly name: string
  /** UTC, ISO 8601 with milliseconds. */
  readonly createdAt: string
  /** Ids of the layers that hold it, top first, over the guest's template. */
  readonly layers: readonly string[]
  /** How the directory `/` looks. */
  readonly root: { readonly uid: number; readonly gid: number; readonly mode: number }
  /** Made by a rollback, of what it would have thrown away. */
  readonly automatic: boolean
}

/** An id is also the name of a directory: it must not lead anywhere else. */
const id = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]*$/))

const number = v.pipe(v.number(), v.integer(), v.minValue(0))

const common = {
  template: id,
  layers: v.array(id),
  ids: v.strictObject({
    first: v.pipe(v.number(), v.integer(), v.minValue(1)),
    count: v.pipe(v.number(), v.integer(), v.minValue(1)),
  }),
  from: v.optional(v.string()),
  createdAt: v.string(),
}

const snapshot = v.strictObject({
  name: v.pipe(v.string(), v.regex(namePattern)),
  createdAt: v.string(),
  layers: v.array(id),
  root: v.strictObject({ uid: number, gid: number, mode: number }),
  automatic: v.boolean(),
})

/**
 * Without snapshots a record is what it was before there were any. With some it has another version, so
 * that a vserver that knows of none refuses it, and removes no layers that only they name.
 */
const schema = v.variant('version', [
  v.strictObject({ version: v.literal(1), ...common }),
  v.strictObject({ version: v.literal(2), ...common, snapshots: v.array(snapshot) }),
])

/** The text of `meta.json`. Pure. */
export function encodeMeta({ template, layers, ids, createdAt, snapshots }: Meta): string {
  const version = snapshots.length === 0 ? 1 : 2
  const record = { version, template, layers, ids, createdAt }
  return `${JSON.stringify(version === 1 ? record : { ...record, snapshots }, undefined, 2)}\n`
}

/** Ids of every layer that a record names: its own and those of its snapshots. Pure. */
export function namedLayers({ layers, snapshots }: Meta): ReadonlySet<string> {
  return new Set([...layers, ...snapshots.flatMap((one) => one.layers)])
}

/**
 * @param file path, for the message
 * @throws {VServerError} E_FORMAT
 */
export function parseMeta(file: string, text: string): Meta {
  const result = v.safeParse(schema, parseJson(text))
  if (result.success) {
    const { version: _, ...record } = result.output
    return { snapshots: [], ...record }
  }
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
