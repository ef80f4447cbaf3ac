/**
 * Runs test files, each in a process of its own, and adds up what they say.
 *
 *     node test/support/run.ts [--tier pure|exec|system|lab] [--deno] [--jobs N] [--verbose] [--live]
 *       [--report FILE] [--in DIR] [filter…]
 *
 * A file's tier is in its name: `*.exec.test.ts`, `*.system.test.ts`, `*.lab.test.ts`, every other
 * `*.test.ts` is pure. Files run whose path holds one of the filters; DIR is where to look instead of
 * `test`, `plugins` and `bench`. The last line is `N passed, N failed`, and the exit code 1 when anything
 * failed or nothing was found. `@limit 300 s` in a file's first comment sets its time limit. `--live` shows
 * what files print while they run; `--report` writes what each file reported as JSON.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { scaledMs } from './pace.ts'
import { type FileReport, formatRunReport, parseReport } from './report.ts'
import { inRepository, repository } from './paths.ts'

type Tier = 'pure' | 'exec' | 'system' | 'lab'

interface Outcome extends FileReport {
  readonly output: string
  readonly ms: number
}

const limitsMs: Readonly<Record<Tier, number>> = {
  pure: 60_000,
  exec: 120_000,
  system: 300_000,
  lab: 600_000,
}
const denoPath = inRepository('node_modules/@deno/linux-x64-glibc/deno')

/** The tier that a file's name says. Pure. */
function tierOf(path: string): Tier {
  if (path.endsWith('.system.test.ts')) return 'system'
  if (path.endsWith('.lab.test.ts')) return 'lab'
  return path.endsWith('.exec.test.ts') ? 'exec' : 'pure'
}

/** Runs one file in a session of its own and ends whatever it leaves in its process group. */
function runFile(path: string, { deno, live }: RunOptions): Promise<Outcome> {
  const scratch = mkdtempSync(join(tmpdir(), 'vserver-test-'))
  const reportPath = join(scratch, 'report.json')
  const said = /@limit (\d+) s\b/.exec(readFileSync(path, 'utf8').slice(0, 2000))
  const limitMs = scaledMs(said === null ? limitsMs[tierOf(path)] : Number(said[1]) * 1000)
  const started = performance.now()
  const { promise, resolve } = Promise.withResolvers<Outcome>()

  const command = deno ? denoPath : process.execPath
  const settings = inRepository('.deno.json')
  const args = deno ? ['run', '-A', '--no-check', '--quiet', '--config', settings, path] : [path]
  const child = spawn(command, args, {
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, VSERVER_TEST_REPORT: reportPath, FORCE_COLOR: '0', TMPDIR: tmpdir() },
  })
  let output = ''
  let late = false
  const collect = (chunk: string) => {
    output = (output + chunk).slice(-200_000)
    if (live) process.stdout.write(chunk)
  }
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  const endGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch (error) {
      // ESRCH: nothing is left, as it should be.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
  const timer = setTimeout(() => {
    late = true
    endGroup()
  }, limitMs)
  children.add(endGroup)

  let how = ''
  // A process that the file left running may hold the pipes open, so end the group on exit, not on close.
  child.on('exit', (code, signal) => {
    how = signal === null ? `exited with ${code}` : `was killed by ${signal}`
    if (late) how = `took longer than ${limitMs / 1000} s`
    clearTimeout(timer)
    endGroup()
    setTimeout(() => {
      child.stdout.destroy()
      child.stderr.destroy()
    }, 1000).unref()
  })
  child.on('error', (error) => (how = `could not be started: ${error.message}`))
  child.on('close', (code) => {
    children.delete(endGroup)
    resolve({ ...readOutcome(reportPath, code, how), output, ms: performance.now() - started })
    rmSync(scratch, { recursive: true, force: true })
  })
  return promise
}

const children = new Set<() => void>()

/** What the file reported; dying without a report is a failure, and so is a bad code without one. */
function readOutcome(path: string, code: number | null, how: string) {
  try {
    const report = parseReport(readFileSync(path, 'utf8'))
    const failures = code !== 0 && report.failures.length === 0
      ? [`the file ${how} although its tests passed`]
      : report.failures
    return { ...report, failures }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { passed: 0, ran: [], failures: [`the file ${how} without a report`], skipped: [] }
  }
}

function show(path: string, outcome: Outcome, { verbose, live }: RunOptions): void {
  const { passed, failures, skipped, output, ms } = outcome
  const word = failures.length > 0 ? 'FAIL' : passed === 0 ? 'skip' : 'ok  '
  const parts = [`${passed} passed`]
  if (failures.length > 0) parts.push(`${failures.length} failed`)
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`)
  console.log(`${word} ${path}: ${parts.join(', ')} (${(ms / 1000).toFixed(1)} s)`)
  if ((failures.length > 0 && !live) || verbose) {
    console.log(output.trimEnd().replaceAll(/^/gm, '     | '))
  }
  for (const failure of failures) console.log(`     FAILED  ${failure}`)
  for (const { name, reason } of skipped) console.log(`     SKIPPED ${name}: ${reason}`)
}

interface RunOptions {
  readonly deno: boolean
  readonly jobs: number
  readonly verbose: boolean
  readonly live: boolean
}

/** Runs the files `jobs` at a time, showing each as it ends. */
async function runAll(files: readonly string[], options: RunOptions) {
  const total = { passed: 0, failed: 0, skipped: 0, files: new Map<string, FileReport>() }
  const queue = [...files]
  const work = async () => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const outcome = await runFile(path, options)
      show(path, outcome, options)
      const { passed, ran, failures, skipped } = outcome
      total.files.set(path, { passed, ran, failures, skipped })
      total.passed += outcome.passed
      total.failed += outcome.failures.length
      total.skipped += outcome.skipped.length
    }
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
  return total
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tier: { type: 'string' },
      deno: { type: 'boolean', default: false },
      verbose: { type: 'boolean', short: 'v', default: false },
      live: { type: 'boolean', default: false },
      report: { type: 'string' },
      jobs: { type: 'string' },
      in: { type: 'string', default: '{test,plugins,bench}' },
    },
  })
  if (values.tier !== undefined && !Object.hasOwn(limitsMs, values.tier)) {
    console.error(`run.ts: no tier "${values.tier}": pure, exec, system or lab`)
    return 2
  }
  process.chdir(repository)
  const tier = values.deno ? 'pure' : values.tier
  const files = globSync(`${values.in}/**/*.test.ts`)
    .filter((path) => tier === undefined || tierOf(path) === tier)
    .filter((path) =>
      positionals.length === 0 || positionals.some((filter) => path.includes(filter))
    )
    .sort((a, b) => order.indexOf(tierOf(a)) - order.indexOf(tierOf(b)) || (a < b ? -1 : 1))
  const jobs = Number(values.jobs ?? (tier === 'pure' ? 2 : 1))
  const { deno, verbose, live } = values
  const total = await runAll(files, { deno, jobs, verbose, live })
  if (files.length === 0) {
    console.error('run.ts: no test file matches')
    total.failed++
  }
  if (values.report !== undefined) writeFileSync(values.report, formatRunReport(total.files))
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
  return total.failed > 0 ? 1 : 0
}

const order: readonly Tier[] = ['pure', 'exec', 'system', 'lab']

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    for (const end of children) end()
    process.exit(130)
  })
}
process.exitCode = await main()
