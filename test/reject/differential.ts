/**
 * The two verifiers side by side: `node test/reject/differential.ts VERIFY DIR`, where VERIFY is the
 * program made of `test/executor/hosted/verify_main.c`. Every plan has one byte changed, in a way
 * that is the same in every run; both must say the same of it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { refusal } from '../../core/plan/abi.ts'
import { checkPlan, PlanInvalid } from '../../core/plan/check.ts'
import { encode } from '../../core/plan/encode.ts'
import { samplePlan } from '../plan/sample.ts'
import { readCorpus } from './corpus.ts'

/** Files a run of VERIFY. */
const BATCH = 1000

const [verify = '', to = ''] = process.argv.slice(2)

/** What the verifier in TypeScript says: `CODE OP`, `0 0` for yes. */
function verdict(bytes: Uint8Array): string {
  try {
    checkPlan(bytes)
    return '0 0'
  } catch (error) {
    if (!(error instanceof PlanInvalid)) throw error
    return `${refusal[error.refusal]} ${error.op}`
  }
}

const seeds = [encode(samplePlan()), ...readCorpus().map(({ bytes }) => bytes)]
const plans = seeds.flatMap((seed, s) =>
  Array.from(seed, (byte, at) => {
    const plan = seed.slice()
    plan[at] = byte ^ ([1, 0x80, 0xff, 4][(at + s) % 4] ?? 1)
    return plan
  })
)

mkdirSync(to, { recursive: true })
for (let from = 0; from < plans.length; from += BATCH) {
  const batch = plans.slice(from, from + BATCH)
  const paths = batch.map((bytes, i) => {
    const path = join(to, String(i))
    writeFileSync(path, bytes)
    return path
  })
  const { stdout, stderr, status } = spawnSync(verify, paths, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the verifier ended with ${status}: ${stderr}`)
  const said = stdout.split('\n')
  batch.forEach((bytes, i) => {
    const expected = verdict(bytes)
    if (said[i] === expected) return
    throw new Error(`plan ${from + i}: C says ${said[i]}, TypeScript ${expected}`)
  })
}
console.log(`${plans.length} changed plans: both verifiers agree`)
