/**
 * Golden plans: the text of a plan and the SHA-256 of its binary, stored in `test/golden/NAME.plan`.
 * `UPDATE_GOLDEN=1` in the environment writes the file anew.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { decode } from '../../core/plan/decode.ts'
import { dump } from '../../core/plan/dump.ts'
import { encode } from '../../core/plan/encode.ts'
import { parse } from '../../core/plan/parse.ts'
import type { Plan } from '../../core/plan/program.ts'
import { inRepository } from './paths.ts'

/**
 * Fails unless the plan is the stored one, and unless its text and its binary read back exactly.
 *
 * @param name of the file below `test/golden`, without `.plan`
 */
export function golden(name: string, plan: Plan): void {
  const bytes = encode(plan)
  const text = dump(plan)
  assert.equal(encode(parse(text)), bytes, `${name}: the text does not read back`)
  assert.equal(encode(decode(bytes)), bytes, `${name}: the binary does not read back`)
  const actual = `sha256 ${createHash('sha256').update(bytes).digest('hex')}\n${text}`
  const path = inRepository('test/golden', `${name}.plan`)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, actual)
  assert.fixture(actual, readFileSync(path, 'utf8'), `${name}: UPDATE_GOLDEN=1 accepts the change`)
}

/** A stored plan: the text without its digest line. */
export function goldenText(stored: string): string {
  return stored.slice(stored.indexOf('\n') + 1)
}
