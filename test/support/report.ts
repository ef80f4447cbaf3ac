/**
 * What a test file tells the runner when it ends.
 *
 * @module
 */

export interface FileReport {
  passed: number
  /** Tests that were run, passed or failed: `suite: test`. */
  readonly ran: string[]
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
  const { passed, ran, failures, skipped } = value as Record<string, unknown>
  if (
    typeof passed !== 'number' || !Array.isArray(ran) || !Array.isArray(failures) ||
    !Array.isArray(skipped)
  ) {
    throw new TypeError('a report has passed, ran, failures and skipped')
  }
  return {
    passed,
    ran: ran.map(String),
    failures: failures.map(String),
    skipped: skipped.map(({ name, reason }: Record<string, unknown>) => ({
      name: String(name),
      reason: String(reason),
    })),
  }
}

/** What one run of the runner reports with `--report`: files by their paths in the repository. */
export type RunReport = ReadonlyMap<string, FileReport>

/** Text of a {@link RunReport}, in one line. Pure. */
export function formatRunReport(report: RunReport): string {
  return JSON.stringify(Object.fromEntries(report))
}

/**
 * Reads what {@link formatRunReport} wrote. Pure.
 *
 * @throws {SyntaxError | TypeError} when the text is no such report
 */
export function parseRunReport(text: string): RunReport {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('a report of a run is an object')
  }
  return new Map(
    Object.entries(value).map(([path, file]) => [path, parseReport(JSON.stringify(file))]),
  )
}

/** Tests that were skipped in some run and run in none, with the reasons. Pure. */
export function skippedEverywhere(reports: readonly RunReport[]): readonly string[] {
  const all = reports.flatMap((report) => [...report])
  const ran = new Set(all.flatMap(([path, file]) => file.ran.map((name) => `${path}: ${name}`)))
  const reasons = new Map<string, Set<string>>()
  for (const [path, { skipped }] of all) {
    for (const { name, reason } of skipped) {
      const key = `${path}: ${name}`
      if (!ran.has(key)) reasons.set(key, (reasons.get(key) ?? new Set()).add(reason))
    }
  }
  return [...reasons].map(([test, why]) => `${test}: ${[...why].join('; ')}`).toSorted()
}
