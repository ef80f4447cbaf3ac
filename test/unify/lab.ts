/**
 * What tests of unification share: a directory of their own, a session, and runs of it without guests.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openSession, type Session } from '../../core/plan/session.ts'
import { defaultExcludes } from '../../core/unify/exclude.ts'
import { withIndex } from '../../core/unify/index_file.ts'
import { replayJournal } from '../../core/unify/journal.ts'
import { type UnifyRequest, type UnifyResult, unifyTrees } from '../../core/unify/run.ts'
import { journalOf, prepareStore, sweepStaging } from '../../core/unify/store.ts'
import type { Tree } from '../../core/unify/tree.ts'
import { executorPath } from '../support/paths.ts'
import type { TestContext } from '../support/suite.ts'

export interface Lab {
  /** A fresh directory. */
  readonly path: string
  readonly store: string
  readonly index: string
  readonly session: Session
  /** Path in the lab. */
  at(...parts: readonly string[]): string
  /** Runs a shell script in the lab; gives back its output. */
  sh(script: string): string
  /** An immutable tree of this name; its directory is made. */
  tree(name: string): Tree
  run(trees: readonly Tree[], options?: RunOptions): Promise<UnifyResult>
}

export interface RunOptions {
  readonly ignoreTimes?: boolean
  readonly dryRun?: boolean
  readonly moveOut?: UnifyRequest['moveOut']
  readonly progress?: UnifyRequest['progress']
  readonly signal?: AbortSignal
  /** Where the index is, when it was found to be damaged. */
  readonly onDamage?: (aside: string) => void
}

export async function openLab({ cleanup }: TestContext, parent = tmpdir()): Promise<Lab> {
  const path = mkdtempSync(join(parent, 'vserver-unify-'))
  cleanup(() => rmSync(path, { recursive: true, force: true }))
  const session = await openSession(executorPath)
  cleanup(() => session.close())
  const store = join(path, 'store')
  const index = join(path, 'index.sqlite')
  return {
    path,
    store,
    index,
    session,
    at: (...parts) => join(path, ...parts),
    sh: (script) =>
      execFileSync('/bin/bash', ['-euc', script], {
        cwd: path,
        encoding: 'latin1',
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    tree(name) {
      mkdirSync(join(path, name), { recursive: true })
      return treeAt(join(path, name))
    },
    run: (trees, options = {}) => runUnify(session, { trees, store, index, ...options }),
  }
}

/** An immutable tree. */
export function treeAt(path: string): Tree {
  return { id: `templates/${path}`, path, writable: false, excludes: defaultExcludes }
}

/** As `vserver unify` does it. */
export async function runUnify(
  session: Session,
  { trees, store, index: file, ...options }: RunOptions & {
    readonly trees: readonly Tree[]
    readonly store: string
    readonly index: string
  },
): Promise<UnifyResult> {
  prepareStore(store)
  sweepStaging(store)
  await replayJournal(session, journalOf(store))
  const onDamage = options.onDamage ?? (() => undefined)
  return await withIndex({ path: file, onDamage }, (index) =>
    unifyTrees(session, {
      trees,
      store,
      index,
      ignoreTimes: false,
      dryRun: false,
      signal: new AbortController().signal,
      progress: () => undefined,
      moveOut: () => Promise.resolve(new Map()),
      ...options,
    }))
}

/** Nothing is left in a store but objects. */
export function assertTidy(store: string): void {
  const left = readdirSync(store).filter((name) => !/^[0-9a-f]{2}$/.test(name))
  assert.equal(left, [])
  assert.not(existsSync(journalOf(store)))
}

/** Bytes and inodes that a result says were saved. */
export function savedBy({ saved }: UnifyResult): { bytes: number; inodes: number } {
  const all = [...saved.values()]
  return {
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    inodes: all.reduce((sum, { inodes }) => sum + inodes, 0),
  }
}
