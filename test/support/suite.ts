/**
 * Test suites: uvu, with its traps closed.
 *
 * What uvu lets pass and this does not: a `before` hook that throws, an `after.each` hook that throws,
 * thrown values that are no errors, a forgotten `run()`, a test that never ends, an empty suite, a skip
 * without a reason. Results are also written as JSON to the file named by `VSERVER_TEST_REPORT`, which
 * the runner (`run.ts`) reads; a file that dies before its end writes none and so fails.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { inspect } from 'node:util'
import process from 'node:process'
import { suite as uvuSuite } from 'uvu'
import { isOfTheHost, missing } from './needs.ts'
import { scaledMs } from './pace.ts'
import type { FileReport } from './report.ts'

export interface SuiteOptions {
  /**
   * Prerequisites by name (see `needs.ts`). One that is missing skips the suite. In CI that is a failure,
   * but for what only another host can have: such a test is skipped, and must be run in the lab.
   */
  readonly needs?: readonly string[]
  /** Limit for each test and each hook, in ms. */
  readonly timeoutMs?: number
}

export interface TestOptions {
  readonly timeoutMs?: number
  /** Prerequisites of this test alone. */
  readonly needs?: readonly string[]
}

/** Handed to each test. */
export interface TestContext {
  /** Registers something to do when the test ends, however it ends; last in, first out. */
  readonly cleanup: (deed: Deed) => void
}

export type Deed = () => unknown
export type Body = (context: TestContext) => unknown

export interface HookPoint {
  (deed: Deed): void
  readonly each: (deed: Deed) => void
}

export interface Suite {
  (name: string, body: Body, options?: TestOptions): void
  /** Runs only such tests of the suite; the others count as skipped, and in CI it is a failure. */
  readonly only: (name: string, body: Body, options?: TestOptions) => void
  /** Leaves a test out. The reason is shown. */
  readonly skip: (name: string, reason: string, body?: Body) => void
  readonly before: HookPoint
  readonly after: HookPoint
  /** Hands the suite to uvu. A suite that is never run fails its file. */
  readonly run: () => void
}

interface Test {
  readonly name: string
  readonly body: Body
  readonly timeoutMs: number
  readonly needs: readonly string[]
}

const DEFAULT_TIMEOUT_MS = 10_000
const inCi = process.env['CI'] === 'true'
const report: FileReport = { passed: 0, ran: [], failures: [], skipped: [] }
const pending = new Map<object, string>()

process.on('exit', () => {
  for (const name of pending.values()) {
    report.failures.push(
      `${name}: tests were registered but not run: call run() after the last one`,
    )
  }
  if (report.passed + report.failures.length + report.skipped.length === 0) {
    report.failures.push('the file holds no test')
  }
  if (report.failures.length > 0) {
    process.exitCode = process.exitCode || 1
    for (const line of report.failures) console.error(`FAILED ${line}`)
  }
  for (const { name, reason } of report.skipped) console.error(`SKIPPED ${name}: ${reason}`)
  const path = process.env['VSERVER_TEST_REPORT']
  if (path !== undefined && path !== '') writeFileSync(path, JSON.stringify(report))
})

/** Makes an error of anything thrown; uvu loses what is not an Error with a name of type string. */
function toError(thrown: unknown): Error {
  if (thrown instanceof Error && typeof thrown.name === 'string') return thrown
  return new Error(`thrown: ${inspect(thrown)}`)
}

/** Runs a deed under a time limit. A promise that never settles is left behind. */
async function limited(what: string, timeoutMs: number, deed: Deed): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} took longer than ${timeoutMs} ms`)),
      scaledMs(timeoutMs),
    )
  })
  try {
    await Promise.race([(async () => await deed())(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Runs all deeds, also after one threw, and gives back what was thrown. */
async function runAll(what: string, timeoutMs: number, deeds: readonly Deed[]): Promise<Error[]> {
  const errors: Error[] = []
  for (const deed of deeds) {
    try {
      await limited(what, timeoutMs, deed)
    } catch (error) {
      errors.push(toError(error))
    }
  }
  return errors
}

function lackingOf(needs: readonly string[]): Error | undefined {
  const lacking = needs.flatMap((need) => missing(need) ?? [])
  return lacking.length > 0 ? new Error(`missing: ${lacking.join('; ')}`) : undefined
}

/**
 * Starts a suite.
 *
 * @param name what is tested, in the manner of `planMemoryLimits()`
 */
export function suite(name: string, options: SuiteOptions = {}): Suite {
  const suiteTimeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const inner = uvuSuite(name)
  const key = {}
  const tests: Test[] = []
  const only: Test[] = []
  const skips: { name: string; reason: string }[] = []
  const hooks = { before: [], after: [], beforeEach: [], afterEach: [] } as Record<string, Deed[]>
  pending.set(key, name)

  const add = (list: Test[]) => (title: string, body: Body, test: TestOptions = {}) => {
    pending.set(key, name)
    const { timeoutMs = suiteTimeoutMs, needs = [] } = test
    list.push({ name: title, body, timeoutMs, needs: [...options.needs ?? [], ...needs] })
  }
  const hook = (point: string): HookPoint =>
    Object.assign((deed: Deed) => void hooks[point]?.push(deed), {
      each: (deed: Deed) => void hooks[`${point}Each`]?.push(deed),
    })
  const deeds = (point: string) => hooks[point] ?? []

  const perform = async (test: Test) => {
    const cleanups: Deed[] = []
    const context = { cleanup: (deed: Deed) => void cleanups.unshift(deed) }
    const errors: Error[] = []
    try {
      for (const deed of deeds('beforeEach')) await limited('before.each', suiteTimeoutMs, deed)
      await limited('the test', test.timeoutMs, () => test.body(context))
    } catch (error) {
      errors.push(toError(error))
    }
    errors.push(...await runAll('a cleanup', suiteTimeoutMs, cleanups))
    errors.push(...await runAll('after.each', suiteTimeoutMs, deeds('afterEach')))
    return errors
  }

  const run = () => {
    pending.delete(key)
    const chosen = only.length > 0 ? only : tests
    const selected = chosen.filter((test) => {
      const lacking = test.needs.filter((need) => missing(need) !== undefined)
      if (lacking.length === 0 || (inCi && !lacking.every(isOfTheHost))) return true
      const reason = lacking.map(missing).join('; ')
      report.skipped.push({ name: `${name}: ${test.name}`, reason })
      return false
    })
    if (selected.length === 0 && chosen.length > 0) return
    for (const skip of skips) {
      report.skipped.push({ name: `${name}: ${skip.name}`, reason: skip.reason })
    }
    if (selected.length + skips.length === 0) {
      report.failures.push(`${name}: the suite holds no test`)
    }
    if (only.length > 0) {
      for (const test of tests) {
        report.skipped.push({ name: `${name}: ${test.name}`, reason: 'only()' })
      }
      if (inCi) report.failures.push(`${name}: only() leaves out tests in CI`)
    }

    let broken: Error | undefined
    // Hooks stand on what every test of the suite needs.
    const lacking = lackingOf(options.needs ?? [])
    inner.before(async () => {
      if (lacking === undefined) [broken] = await runAll('before', suiteTimeoutMs, deeds('before'))
    })
    for (const test of selected) {
      inner(test.name, async () => {
        report.ran.push(`${name}: ${test.name}`)
        const error = lackingOf(test.needs) ?? broken
        const [first, ...more] = error === undefined ? await perform(test) : [error]
        if (first === undefined) {
          report.passed++
          return
        }
        report.failures.push(`${name}: ${test.name}: ${first.message}`)
        for (const error of more) console.error(`also, after "${test.name}":`, error)
        throw first
      })
    }
    inner.after(async () => {
      const errors = lacking !== undefined
        ? []
        : await runAll('after', suiteTimeoutMs, deeds('after'))
      for (const error of errors) report.failures.push(`${name}: after: ${inspect(error)}`)
    })
    inner.run()
    tests.length = only.length = skips.length = 0
  }

  return Object.assign(add(tests), {
    only: add(only),
    skip: (title: string, reason: string) => {
      if (reason.trim() === '') throw new Error(`skip("${title}") needs a reason`)
      pending.set(key, name)
      skips.push({ name: title, reason })
    },
    before: hook('before'),
    after: hook('after'),
    run,
  })
}
