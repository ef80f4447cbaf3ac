/**
 * Writes plans as binary files, for tools that know nothing of their text:
 * `node test/reject/export.ts reject|golden DIR`.
 *
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { encode } from '../../core/plan/encode.ts'
import { parse } from '../../core/plan/parse.ts'
import { goldenText } from '../support/golden.ts'
import { inRepository } from '../support/paths.ts'
import { readCorpus } from './corpus.ts'

const [what, to = ''] = process.argv.slice(2)
if ((what !== 'reject' && what !== 'golden') || to === '') {
  throw new RangeError('usage: export.ts reject|golden DIR')
}
mkdirSync(to, { recursive: true })
if (what === 'reject') {
  for (const { file, bytes } of readCorpus()) writeFileSync(join(to, file), bytes)
} else {
  const folder = inRepository('test/golden')
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.plan'))) {
    const plan = parse(goldenText(readFileSync(join(folder, name), 'utf8')))
    writeFileSync(join(to, name), encode(plan))
  }
}
