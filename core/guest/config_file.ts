/**
 * Reads configuration files: YAML in, a validated value out, errors with file, line, column and key.
 *
 * @module
 */
import * as v from 'valibot'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import { errors, type VServerError } from '../errors.ts'
import type { NetworkMode } from '../plugin/types.ts'
import type { GuestFile } from './config.ts'
import { guestSchema } from './config_schema.ts'
import { nearest } from './nearest.ts'

/** Where a configuration text comes from, for messages. */
export interface ConfigSource {
  /** Path of the file, or `--set` and the like. */
  readonly file: string
  readonly text: string
}

/**
 * Parses and validates guest.yaml. Pure.
 *
 * @throws {VServerError} E_CONFIG_SYNTAX, E_CONFIG_KEY, E_CONFIG_RANGE; each names file, line and key
 */
export function parseGuestFile(source: ConfigSource, modes: readonly NetworkMode[]): GuestFile {
  return parseConfig(source, guestSchema(modes))
}

/** Parses YAML against any schema; see {@link parseGuestFile}. An empty file is an empty mapping. */
export function parseConfig<T>(source: ConfigSource, schema: v.GenericSchema<unknown, T>): T {
  const lines = new LineCounter()
  const document = parseDocument(source.text, { lineCounter: lines, prettyErrors: false })
  const place = (offset: number) => lines.linePos(Math.min(offset, source.text.length))
  const problem = document.errors[0]
  if (problem !== undefined) {
    throw located('E_CONFIG_SYNTAX', source, {
      at: place(problem.pos[0]),
      key: undefined,
      detail: firstLine(problem.message),
    })
  }
  rejectPrototypeKeys(document, source, place)
  const value = toValue(document, source)
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw located('E_CONFIG_RANGE', source, {
      at: place(document.contents?.range?.[0] ?? 0),
      key: undefined,
      detail: `expected a mapping of keys to values, not ${shorten(value)}`,
    })
  }
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  // A key that does not exist is the cause of whatever else is wrong near it: name it first.
  const issue = result.issues.find(({ type }) => type === 'strict_object') ?? result.issues[0]
  const path = issue.path?.map(({ key }) => key) ?? []
  const key = path.map(String).join('.')
  const isKey = issue.path?.at(-1)?.origin === 'key'
  const at = place(offsetOf(document, path, isKey))
  if (isKey && issue.received !== 'undefined' && issue.expected === 'never') {
    const siblings = siblingKeys(schema, path.slice(0, -1).map(String))
    const meant = nearest(String(path.at(-1)), siblings)
    throw located('E_CONFIG_KEY', source, {
      at,
      key,
      detail: `"${key}" is not a key`,
      hint: meant === undefined
        ? `the keys here are: ${siblings.join(', ')}`
        : `did you mean "${meant}"?`,
    })
  }
  if (issue.received === 'undefined' && issue.input === undefined) {
    throw located('E_CONFIG_RANGE', source, { at, key, detail: `"${key}" is missing` })
  }
  throw located('E_CONFIG_RANGE', source, {
    at,
    key,
    detail: key === '' ? issue.message : `"${key}": ${issue.message}${given(issue)}`,
  })
}

function toValue(document: Document, source: ConfigSource): unknown {
  try {
    // Aliases are bounded, for a file of a few lines could grow to gigabytes otherwise.
    return document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    throw located('E_CONFIG_SYNTAX', source, {
      at: { line: 1, col: 1 },
      key: undefined,
      detail: firstLine(error.message),
    })
  }
}

function given(issue: v.BaseIssue<unknown>): string {
  return issue.message.includes(', not ') ? '' : `, not ${shorten(issue.input)}`
}

function shorten(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value)
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown
}

/** `__proto__` and the like never reach the schema as keys of their own, so they are refused here. */
function rejectPrototypeKeys(
  document: Document,
  source: ConfigSource,
  place: (offset: number) => { line: number; col: number },
): void {
  const visit = (node: unknown, path: readonly string[]): void => {
    if (!isMap(node)) return
    for (const pair of node.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : ''
      if (['__proto__', 'constructor', 'prototype'].includes(name)) {
        const key = [...path, name].join('.')
        const offset = isScalar(pair.key) ? pair.key.range?.[0] ?? 0 : 0
        throw located('E_CONFIG_KEY', source, {
          at: place(offset),
          key,
          detail: `"${key}" is not a key`,
        })
      }
      visit(pair.value, [...path, name])
    }
  }
  visit(document.contents, [])
}

/** Where a path starts in the text: its key when `isKey`, else its value; the nearest parent if absent. */
function offsetOf(document: Document, path: readonly unknown[], isKey: boolean): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1
      ? document.contents
      : document.getIn(path.slice(0, length - 1), true)
    const last = path[length - 1]
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === last)
      const node = isKey || length < path.length ? pair?.key : pair?.value
      const start = startOf(node) ?? startOf(pair?.key)
      if (start !== undefined) return start
    } else {
      const start = startOf(document.getIn(path.slice(0, length), true))
      if (start !== undefined) return start
    }
  }
  return document.contents?.range?.[0] ?? 0
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

/** Keys that a mapping may have, by the schema's own structure. */
function siblingKeys(schema: v.GenericSchema, path: readonly string[]): readonly string[] {
  let here: unknown = schema
  for (const key of path) here = unwrap(child(unwrap(here), key))
  return entriesOf(unwrap(here))
}

function unwrap(schema: unknown): unknown {
  let here = schema
  while (isRecord(here) && isRecord(here['wrapped'])) here = here['wrapped']
  return here
}

function child(schema: unknown, key: string): unknown {
  if (!isRecord(schema)) return undefined
  if (isRecord(schema['entries'])) return schema['entries'][key]
  return schema['item']
}

function entriesOf(schema: unknown): readonly string[] {
  if (!isRecord(schema)) return []
  if (isRecord(schema['entries'])) return Object.keys(schema['entries'])
  if (Array.isArray(schema['options'])) {
    return [...new Set(schema['options'].flatMap((option) => entriesOf(option)))]
  }
  return []
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message
}

function located(
  code: 'E_CONFIG_SYNTAX' | 'E_CONFIG_KEY' | 'E_CONFIG_RANGE',
  { file }: ConfigSource,
  { at, key, detail, hint }: {
    at: { line: number; col: number }
    key: string | undefined
    detail: string
    hint?: string
  },
): VServerError {
  return errors[code](`Cannot use "${file}": line ${at.line}, column ${at.col}: ${detail}`, {
    hint,
    details: { file, line: at.line, column: at.col, key: key ?? null },
  })
}
