/**
 * The tables of the README that are made from the code. Run as a program, puts them into README.md.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { renderVerbTable } from '../core/cli/verb_table.ts'
import { renderErrorTable } from '../core/errors.ts'
import { renderKeyTable } from '../core/guest/config_keys.ts'
import { plugins } from '../plugins/index.ts'

/** Path of the README. */
export const readmePath = fileURLToPath(new URL('../README.md', import.meta.url))

/** Names and contents of all generated sections. */
export function generatedSections(): ReadonlyMap<string, string> {
  return new Map([
    ['verbs', renderVerbTable()],
    ['keys', renderKeyTable(plugins.flatMap(({ networkModes }) => networkModes ?? []))],
    ['errors', renderErrorTable()],
  ])
}

/**
 * Puts the sections between their `<!-- name -->` and `<!-- /name -->`. Pure.
 *
 * @throws {Error} when a section has no place
 */
export function withSections(text: string, sections: ReadonlyMap<string, string>): string {
  let result = text
  for (const [name, content] of sections) {
    const place = new RegExp(`<!-- ${name} -->\\n[^]*?<!-- /${name} -->`)
    if (!place.test(result)) throw new Error(`README.md has no section "${name}"`)
    result = result.replace(place, () => `<!-- ${name} -->\n${content}\n<!-- /${name} -->`)
  }
  return result
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(readmePath, withSections(readFileSync(readmePath, 'utf8'), generatedSections()))
}
