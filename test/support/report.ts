/**
 * What a test file tells the runner when it ends.
 *
 * @module
 */

export interface FileReport {
  passed: number
  /** One line each: `suite: test: message`. */
  readonly failures: string[]
  readonly skipped: { readonly name: string; readonly reason: string }[]
}

/**
 * Reads a report from the text that `suite.ts` wrote. Pure.
 *
 * @throws {SyntaxError | TypeError} when the text is no report
 */
export function parseReport(text: string): FileReport {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new TypeError('a report is an object')
  const { passed, failures, skipped } = value as Record<string, unknown>
  if (typeof passed !== 'number' || !Array.isArray(failures) || !Array.isArray(skipped)) {
    throw new TypeError('a report has passed, failures and skipped')
  }
  return {
    passed,
    failures: failures.map(String),
    skipped: skipped.map(({ name, reason }: Record<string, unknown>) => ({
      name: String(name),
      reason: String(reason),
    })),
  }
}
