/**
 * Configuration that is plain: `key: word` on lines of their own, and comments. Most guests have no more,
 * and it means to YAML what it seems to mean, so that nothing that reads YAML has to be loaded for it.
 *
 * @module
 */
import * as v from 'valibot'
import type { NetworkMode } from '../plugin/types.ts'
import type { GuestFile } from './config.ts'
import { guestSchema } from './config_schema.ts'

/** A text to YAML: it starts with a letter and is none of the words below, or it is a time. */
const textWord = /^(?:[A-Za-z][A-Za-z0-9./:@+_-]*[A-Za-z0-9./]|[A-Za-z]|\d+(?:ms|s|m|h|d))$/
const otherWord = /^(?:true|false|null)$/i

/** Whether YAML reads a word, written as it is, as this text. Pure. */
export function isPlainText(word: string): boolean {
  return textWord.test(word) && !otherWord.test(word)
}

/** Reads a mapping of words that is plain; `undefined` for any other text. Pure. */
export function plainMapping(text: string): Readonly<Record<string, string | boolean>> | undefined {
  const mapping: Record<string, string | boolean> = {}
  for (const line of text.split('\n')) {
    if (line === '' || /^#[^\r]*$/.test(line)) continue
    const [, key, word = ''] = /^([A-Za-z]+): ([^ ]+)$/.exec(line) ?? []
    if (key === undefined || otherWord.test(key) || Object.hasOwn(mapping, key)) return undefined
    if (word === 'true' || word === 'false') mapping[key] = word === 'true'
    else if (isPlainText(word)) mapping[key] = word
    else return undefined
  }
  return mapping
}

/** guest.yaml where it is plain and valid. What is wrong with any other, `parseGuestFile` tells. Pure. */
export function plainGuestFile(text: string, modes: readonly NetworkMode[]): GuestFile | undefined {
  const mapping = plainMapping(text)
  const result = mapping && v.safeParse(guestSchema(modes), mapping)
  return result?.success === true ? result.output : undefined
}
