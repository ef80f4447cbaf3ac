/**
 * What tests of tree writing share: a directory of their own, a session, and an independent look at
 * what was written.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSession, type Session } from '../../core/plan/session.ts'
import type { BootstrapContext, Bootstrapper } from '../../core/plugin/types.ts'
import dirPlugin from '../../plugins/bootstrap-dir/index.ts'
import tarPlugin from '../../plugins/bootstrap-tar/index.ts'
import { executorPath } from '../support/paths.ts'
import type { TestContext } from '../support/suite.ts'

const [dir] = dirPlugin.bootstrappers
const [tar] = tarPlugin.bootstrappers
const kinds: Readonly<Record<'dir' | 'tar', Bootstrapper | undefined>> = { dir, tar }

export interface Lab {
  /** A fresh directory. */
  readonly path: string
  readonly session: Session
  /** Path in the lab. */
  at(...parts: readonly string[]): string
  /** Runs a shell script in the lab; gives back its output. */
  sh(script: string): string
  id(scheme: 'dir' | 'tar', source: string): Promise<string>
  /** Bootstraps into a fresh directory of this name. */
  make(scheme: 'dir' | 'tar', source: string, name: string, options?: MakeOptions): Promise<string>
}

export interface MakeOptions {
  readonly signal?: AbortSignal
  readonly progress?: BootstrapContext['progress']
}

export async function openLab({ cleanup }: TestContext, parent = tmpdir()): Promise<Lab> {
  const path = mkdtempSync(join(parent, 'vserver-tree-'))
  cleanup(() => rmSync(path, { recursive: true, force: true }))
  const session = await openSession(executorPath)
  cleanup(() => session.close())
  const never = new AbortController().signal
  const context = ({ signal = never, progress = () => undefined }: MakeOptions) => ({
    session,
    signal,
    progress,
    options: {},
    cache: join(path, 'cache'),
    offline: true,
    runInTree: () => Promise.reject(new Error('no command is run in these trees')),
  })
  const kind = (scheme: 'dir' | 'tar') => {
    const found = kinds[scheme]
    if (found === undefined) throw new Error(`no bootstrapper ${scheme}`)
    return found
  }
  return {
    path,
    session,
    at: (...parts) => join(path, ...parts),
    sh: (script) =>
      execFileSync('/bin/bash', ['-euc', script], {
        cwd: path,
        encoding: 'latin1',
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    id: (scheme, source) => kind(scheme).id(source, context({})),
    async make(scheme, source, name, options = {}) {
      const destination = join(path, name)
      mkdirSync(destination, { mode: 0o755 })
      await kind(scheme).make(source, destination, context(options))
      return destination
    },
  }
}

/** The message of what a promise is rejected with; empty when it is not. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return ''
  } catch (error) {
    if (!(error instanceof Error)) return String(error)
    return 'code' in error ? `${error.code} ${error.message}` : error.message
  }
}

/** Names in a directory. */
export function names(path: string): readonly string[] {
  return readdirSync(path).sort()
}

/** Everything about a tree but inode numbers, ctime and disk blocks, seen by find, tar and getfattr. */
export function lookAt(lab: Lab, tree: string): string {
  return lab.sh(`
    cd ${tree}
    find . -type d -printf '%p %y %m %U %G %T@\\0' | sort -z | tr '\\0' '\\n'
    find . ! -type d -printf '%p %y %m %U %G %T@ %s %n %l\\0' | sort -z | tr '\\0' '\\n'
    find . \\( -type b -o -type c \\) -exec stat -c '%n %t %T' {} + | sort
    find . -type f -print0 | sort -z | xargs -0r sha256sum
    find . -type f -printf '%i %p\\n' | sort -n | awk '{ if ($1 == i) print p, $2; i = $1; p = $2 }' | sort
    find . ! -type s -print0 | sort -z | xargs -0r getfattr -h -d -m - -e hex -- 2>/dev/null
    getcap -r . | sort
  `)
}
