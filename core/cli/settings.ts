/**
 * Changes of the configuration as words of a command line. Pure.
 *
 * @module
 */
import { parseDocument } from 'yaml'
import type { Edit } from '../guest/config_edit.ts'
import { usage } from './argv.ts'

const keyPattern = /^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*$/
const kinds = { '=': 'set', '+=': 'add', '-=': 'remove' } as const

/**
 * Takes `KEY=VALUE`, `KEY+=ITEM` or `KEY-=ITEM` apart; values are YAML in flow style.
 *
 * @throws {VServerError} E_USAGE
 */
export function parseEdit(word: string): Edit {
  const match = /^([^=]*?)(\+=|-=|=)(.*)$/s.exec(word)
  const [, key = '', operator = '=', text = ''] = match ?? []
  if (match === null || (operator !== '=' && operator !== '+=' && operator !== '-=')) {
    throw usage({ verb: 'set' }, `${JSON.stringify(word)} is not KEY=VALUE`, {
      hint: 'for example vserver set web stopTimeout=10s after+=db',
    })
  }
  return { kind: kinds[operator], path: parseKey(key), value: parseValue(key, text) }
}

/**
 * Takes a key apart at its dots.
 *
 * @throws {VServerError} E_USAGE
 */
export function parseKey(key: string): readonly string[] {
  const path = key.split('.')
  const inherited = path.some((part) => ['__proto__', 'constructor', 'prototype'].includes(part))
  if (keyPattern.test(key) && !inherited) return path
  throw usage({ verb: 'set' }, `${JSON.stringify(key)} is not a key`, {
    hint: 'keys are words with dots between them, such as network.mode',
  })
}

function parseValue(key: string, text: string): unknown {
  if (text.trim() === '') {
    throw usage({ verb: 'set' }, `${key}= has no value`, {
      hint: `'${key}=""' is an empty text, --unset ${key} the default`,
    })
  }
  const document = parseDocument(text, { prettyErrors: false })
  const [problem] = document.errors
  if (problem !== undefined) {
    throw usage({ verb: 'set' }, `the value of ${key} is not YAML: ${problem.message}`, {
      hint: `quote it for YAML and for the shell: '${key}="…"'`,
    })
  }
  return document.toJS({ maxAliasCount: 100 })
}
