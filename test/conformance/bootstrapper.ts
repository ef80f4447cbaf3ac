/**
 * What every bootstrapper must do, whatever it makes trees from: the contract of
 * `core/plugin/types.ts`, as tests. A bootstrapper passes by a file that calls {@link conform}.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VServerError } from '../../core/errors.ts'
import { openSession, type Session } from '../../core/plan/session.ts'
import type {
  BootstrapContext,
  Bootstrapper,
  OptionValues,
  Progress,
} from '../../core/plugin/types.ts'
import { executorPath } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'

/** One source of a bootstrapper, made by the test that brings it. */
export interface Subject {
  readonly bootstrapper: Bootstrapper
  readonly source: string
  readonly options?: OptionValues
  /** What else it is handed. */
  readonly context?: (session: Session) => Partial<BootstrapContext>
  /** A source that is not there. */
  readonly missing: string
  /** Changes the source, so that another tree must come of it. */
  change(): Promise<void> | void
}

export interface Made {
  readonly context: TestContext
  /** A directory of the subject's own. */
  readonly scratch: string
}

/** Registers and runs the suite. `open` makes a fresh subject for each test. */
export function conform(name: string, open: (made: Made) => Promise<Subject> | Subject): void {
  const test = suite(`the bootstrapper contract: ${name}`, {
    needs: ['root', 'executor', 'tar'],
    timeoutMs: 60_000,
  })

  interface Bench {
    readonly subject: Subject
    readonly scratch: string
    readonly events: Progress[]
    readonly with: (more?: Partial<BootstrapContext>) => BootstrapContext
    /** Looks and makes, as `create` does, with one context. */
    readonly make: (more?: Partial<BootstrapContext>) => Promise<{ id: string; tree: string }>
  }

  async function openBench(context: TestContext): Promise<Bench> {
    const scratch = mkdtempSync(join(tmpdir(), 'vserver-conformance-'))
    context.cleanup(() => rmSync(scratch, { recursive: true, force: true }))
    const session = await openSession(executorPath)
    context.cleanup(() => session.close())
    const subject = await open({ context, scratch })
    const events: Progress[] = []
    const withMore = (more: Partial<BootstrapContext> = {}): BootstrapContext => ({
      session,
      signal: new AbortController().signal,
      progress: (event) => events.push(event),
      options: subject.options ?? {},
      cache: join(scratch, 'cache'),
      offline: false,
      runInTree: () => Promise.resolve({ kind: 'exited', code: 0 }),
      ...subject.context?.(session),
      ...more,
    })
    let count = 0
    return {
      subject,
      scratch,
      events,
      with: withMore,
      async make(more) {
        const one = withMore(more)
        const tree = join(scratch, `made${count++}`)
        mkdirSync(tree, { mode: 0o755 })
        const id = await subject.bootstrapper.id(subject.source, one)
        await subject.bootstrapper.make(subject.source, tree, one)
        return { id, tree }
      },
    }
  }

  test('says what it is', async (context) => {
    const { subject: { bootstrapper } } = await openBench(context)
    assert.match(bootstrapper.scheme, /^[a-z][a-z0-9-]*$/)
    assert.ok(bootstrapper.doc.length > 10 && !bootstrapper.doc.includes('\n'))
    for (const [key, spec] of Object.entries(bootstrapper.options ?? {})) {
      assert.match(key, /^[a-z][a-zA-Z0-9]*$/)
      assert.ok(spec.doc.length > 5, key)
      assert.ok(spec.default !== undefined || spec.optional === true, `${key} is not required`)
    }
  })

  test('gives the same id for the same source, and another after a change', async (context) => {
    const bench = await openBench(context)
    const { bootstrapper, source } = bench.subject
    const first = await bootstrapper.id(source, bench.with())
    assert.match(first, /^[a-z0-9][a-z0-9.-]*-[0-9a-f]{12}$/)
    assert.is(await bootstrapper.id(source, bench.with()), first)
    await bench.subject.change()
    assert.is.not(await bootstrapper.id(source, bench.with()), first)
  })

  test('makes equal trees of equal ids, and says how far it is', async (context) => {
    const bench = await openBench(context)
    const one = await bench.make()
    const two = await bench.make()
    assert.is(one.id, two.id)
    assert.ok(readdirSync(one.tree).length > 0)
    assert.is(describe(one.tree), describe(two.tree))
    assert.ok(bench.events.length > 0)
    for (const { phase, done, total } of bench.events) {
      assert.ok(phase.length > 0)
      assert.ok((done ?? 0) >= 0 && (total ?? 0) >= 0)
    }
  })

  test('leaves the destination a root-owned directory that others can pass', async (context) => {
    const bench = await openBench(context)
    const { tree } = await bench.make()
    const { uid, mode } = lstatSync(tree)
    assert.is(uid, 0)
    assert.is(mode & 0o755, 0o755)
  })

  test('needs no id() before make()', async (context) => {
    const bench = await openBench(context)
    const { bootstrapper, source } = bench.subject
    const { tree } = await bench.make()
    const other = join(bench.scratch, 'other')
    mkdirSync(other, { mode: 0o755 })
    await bootstrapper.make(source, other, bench.with())
    assert.is(describe(other), describe(tree))
  })

  test('names a source that is not there', async (context) => {
    const bench = await openBench(context)
    const { bootstrapper, missing } = bench.subject
    try {
      await bootstrapper.id(missing, bench.with())
      assert.unreachable()
    } catch (error) {
      if (!(error instanceof VServerError)) throw error
      assert.is(error.code, 'E_SOURCE')
      assert.ok(error.message.includes(missing), error.message)
    }
  })

  test('stops when it is interrupted, and works afterwards', async (context) => {
    const bench = await openBench(context)
    const { bootstrapper, source } = bench.subject
    const controller = new AbortController()
    const tree = join(bench.scratch, 'interrupted')
    mkdirSync(tree, { mode: 0o755 })
    const one = bench.with({ signal: controller.signal })
    await bootstrapper.id(source, one)
    controller.abort()
    try {
      await bootstrapper.make(source, tree, one)
      assert.unreachable()
    } catch (error) {
      if (!(error instanceof VServerError)) throw error
      assert.is(error.code, 'E_INTERRUPTED')
    }
    await bench.make()
  })

  test('remembers ids only where they were given', async (context) => {
    const bench = await openBench(context)
    const { bootstrapper, source } = bench.subject
    if (bootstrapper.pinned === undefined) return
    assert.equal(await bootstrapper.pinned(source, bench.with()), [])
    const first = await bootstrapper.id(source, bench.with())
    await bench.subject.change()
    const second = await bootstrapper.id(source, bench.with())
    assert.equal(await bootstrapper.pinned(source, bench.with({ offline: true })), [second, first])
  })

  test.run()
}

/** Names, kinds, modes, owners, links and content of a tree, without times. */
function describe(tree: string): string {
  return execFileSync('/bin/sh', [
    '-euc',
    `find . -printf '%P %y %m %U:%G %l\\n' | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum`,
  ], { cwd: tree, encoding: 'utf8', maxBuffer: 1 << 26 })
}
