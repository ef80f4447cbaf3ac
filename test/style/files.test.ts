/**
 * House style that neither compiler nor linter holds.
 *
 * @module
 */
import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { repository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { folders, type Source, sources } from './sources.ts'

const test = suite('files')

const typescript = sources(['.ts'])
const c = sources(['.c', '.h'])
const scripts = sources(['.sh'])
const shipped = typescript.filter(({ path }) => /^(core|plugins)\//.test(path))

/** Tables of numbers, one a line, and what is generated from such. */
const tables = /^core\/(linux\/syscalls\w*\.ts|executor\/abi\.h)$/

/** One line for each match, `path:line: text`. */
function matches(from: readonly Source[], pattern: RegExp): readonly string[] {
  return from.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) =>
      pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []
    )
  )
}

function tooLong(from: readonly Source[], most: number): readonly string[] {
  return from.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1
    return lines > most && !tables.test(path) ? [`${path}: ${lines} lines`] : []
  })
}

test('lie in the folders of the design and nowhere else', () => {
  const known = [...folders, 'dist', 'node_modules', 'coverage', '.ci', '.git']
  const found = readdirSync(repository, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !known.includes(entry.name))
    .map((entry) => entry.name)
  assert.equal(found, [])
})

test('have at most 400 lines, in C 300', () => {
  assert.equal(tooLong(typescript, 400), [])
  assert.equal(tooLong(c, 300), [])
})

test('in C say on top what they are', () => {
  const silent = c.filter(({ text }) => !/^(\/\/ SPDX[^\n]*\n|\/\* SPDX[^\n]*\n)?\/\*/.test(text))
  assert.equal(silent.map(({ path }) => path), [])
})

test('document what they export', () => {
  const bare = shipped.flatMap(({ path, text }) => {
    const lines = text.split('\n')
    return lines.flatMap((line, index) => {
      const found = /^export (?:async )?function\*? (\w+)|^export const (\w+) = (?:async )?\(/.exec(
        line,
      )
      if (found === null || /\*\/$/.test(lines[index - 1] ?? '')) return []
      // Further signatures of one function come without a comment of their own.
      const name = found[1] ?? found[2] ?? ''
      // Each verb's file exports one `run`, and `core/cli/types.ts` says what it is.
      if (name === 'run' && path.startsWith('core/cli/')) return []
      const overload = new RegExp(`^export (async )?function ${name}\\b`).test(
        lines[index - 1] ?? '',
      )
      return overload ? [] : [`${path}:${index + 1}: ${name}`]
    })
  })
  assert.equal(bare, [])
})

test('are finished', () => {
  const words = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`)
  assert.equal(matches([...typescript, ...c, ...scripts], words), [])
})

test('name no place or service of whoever wrote them', () => {
  const places = new RegExp(
    ['/ho' + 'me/\\w+/', '/Us' + 'ers/', '/wo' + 'rk/', 'regis' + 'try\\.npm'].join('|'),
  )
  assert.equal(matches([...typescript, ...c, ...scripts], places), [])
})

test('swallow no errors', () => {
  assert.equal(matches(typescript, /catch\s*(\(\w*\))?\s*\{\s*\}|\.catch\(\(\) => \{\s*\}\)/), [])
})

test('leave printing and ending the process to the command line', () => {
  const libraries = shipped.filter(({ path }) => !/^core\/(main\.ts|cli\/)/.test(path))
  assert.equal(matches(libraries, /\bconsole\.|process\.exit\(|process\.exitCode =/), [])
  const others = shipped.filter(({ path }) => path !== 'core/main.ts')
  assert.equal(matches(others, /process\.exit\(/), [])
})

test('in C indent by tabs, and all end in one newline', () => {
  assert.equal(matches(c, /^ {8}/), [])
  const ends = [...typescript, ...c, ...scripts].filter(({ text }) => !/[^\n]\n$/.test(text))
  assert.equal(ends.map(({ path }) => path), [])
})

test.run()
