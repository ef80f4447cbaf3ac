/**
 * Changes of guest.yaml that keep comments and the order of keys. Pure.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util'
import { type Document, isMap, isSeq, parseDocument } from 'yaml'
import { errors } from '../errors.ts'
import type { ConfigSource } from './config_file.ts'

const equal = isDeepStrictEqual

/** One change. `path` is a key with its parents: `['network', 'mode']`. */
export type Edit =
  | { readonly kind: 'set'; readonly path: readonly string[]; readonly value: unknown }
  | { readonly kind: 'add'; readonly path: readonly string[]; readonly value: unknown }
  | { readonly kind: 'remove'; readonly path: readonly string[]; readonly value: unknown }
  | { readonly kind: 'unset'; readonly path: readonly string[] }

/**
 * Applies edits, in their order, to a text that is valid YAML. The result is not validated.
 *
 * @returns the text as it was when nothing changes
 * @throws {VServerError} E_CONFIG_SYNTAX when the text is no mapping, E_CONFIG_RANGE when an item is added
 * to what is no list, or a list does not hold the item to remove
 */
export function editConfig(source: ConfigSource, edits: readonly Edit[]): string {
  const document = parseDocument(source.text, { prettyErrors: false })
  const [problem] = document.errors
  if (problem !== undefined || (document.contents !== null && !isMap(document.contents))) {
    throw errors.E_CONFIG_SYNTAX(
      `Cannot change "${source.file}": ${problem?.message ?? 'it is no mapping of keys to values'}`,
      { hint: 'correct the file first', details: { file: source.file } },
    )
  }
  let changed = false
  for (const edit of edits) changed = apply(document, edit, source) || changed
  if (!changed) return source.text
  if (isMap(document.contents) && document.contents.items.length === 0) document.contents = null
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: padded(source.text) })
  // An empty document is written as "null", which is no mapping.
  return document.contents === null ? text.replace(/^null\n?$/m, '') : text
}

/** Whether the author writes `{ a: 1 }` rather than `{a: 1}`. */
function padded(text: string): boolean {
  return /[[{] /.test(text) || !/[[{][^\s\]}]/.test(text)
}

function apply(document: Document, edit: Edit, source: ConfigSource): boolean {
  const { path } = edit
  switch (edit.kind) {
    case 'set':
      if (equal(plain(document, path), edit.value) && document.hasIn(path)) return false
      makeParents(document, path)
      replace(document, path, edit.value)
      return true
    case 'unset':
      if (!document.hasIn(path)) return false
      document.deleteIn(path)
      pruneParents(document, path)
      return true
    case 'add': {
      const list = listAt(document, edit, source)
      if (list.some((item) => equal(item, edit.value))) return false
      makeParents(document, path)
      if (isSeq(document.getIn(path))) document.addIn(path, document.createNode(edit.value))
      else document.setIn(path, document.createNode([edit.value], { flow: true }))
      return true
    }
    case 'remove': {
      const index = listAt(document, edit, source).findIndex((item) => equal(item, edit.value))
      if (index === -1) {
        throw errors.E_CONFIG_RANGE(
          `Cannot change "${source.file}": "${path.join('.')}" does not hold ` +
            JSON.stringify(edit.value),
          { details: { file: source.file, key: path.join('.') } },
        )
      }
      document.deleteIn([...path, index])
      return true
    }
    default:
      return edit satisfies never
  }
}

/** A new value in place of an old one keeps the comment behind it. */
function replace(document: Document, path: readonly string[], value: unknown): void {
  const before: unknown = document.getIn(path, true)
  const node = document.createNode(value, { flow: typeof value === 'object' })
  if (typeof before === 'object' && before !== null && 'comment' in before && before.comment) {
    node.comment = String(before.comment)
  }
  document.setIn(path, node)
}

/** A parent that is no mapping yet becomes one. */
function makeParents(document: Document, path: readonly string[]): void {
  if (document.contents === null) document.contents = document.createNode({})
  for (let length = 1; length < path.length; length++) {
    const parent = path.slice(0, length)
    if (!isMap(document.getIn(parent))) document.setIn(parent, document.createNode({}))
  }
}

/** A mapping whose last key is gone goes, too. */
function pruneParents(document: Document, path: readonly string[]): void {
  for (let length = path.length - 1; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length))
    if (!isMap(parent) || parent.items.length > 0) return
    document.deleteIn(path.slice(0, length))
  }
}

function listAt(document: Document, edit: Edit, source: ConfigSource): readonly unknown[] {
  const found = plain(document, edit.path)
  if (found === undefined || found === null) return []
  if (Array.isArray(found)) return found
  const key = edit.path.join('.')
  throw errors.E_CONFIG_RANGE(`Cannot change "${source.file}": "${key}" is no list`, {
    hint: `vserver set NAME ${key}=VALUE replaces its value`,
    details: { file: source.file, key },
  })
}

/** The value at a path without nodes, comments and anchors. */
function plain(document: Document, path: readonly string[]): unknown {
  const whole: unknown = document.toJS({ maxAliasCount: 100 })
  return path.reduce<unknown>(
    (here, key) =>
      typeof here === 'object' && here !== null && Object.hasOwn(here, key)
        ? Object.entries(here).find(([name]) => name === key)?.[1]
        : undefined,
    whole,
  )
}
