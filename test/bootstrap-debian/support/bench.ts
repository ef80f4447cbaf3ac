/**
 * The bootstrapper on a bench of its own: a mirror, a key, a cache, and a context whose commands in trees
 * are only written down.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSession } from '../../../core/plan/session.ts'
import type {
  BootstrapContext,
  Bootstrapper,
  OptionValues,
  TreeOutcome,
} from '../../../core/plugin/types.ts'
import plugin from '../../../plugins/bootstrap-debian/index.ts'
import { executorPath } from '../../support/paths.ts'
import type { TestContext } from '../../support/suite.ts'
import type { PackageSpec } from './deb.ts'
import { type Key, makeKey, type Publication, publish } from './repository.ts'
import { type Mirror, startMirror } from './server.ts'

const [bootstrapper]: readonly Bootstrapper[] = plugin.bootstrappers
if (bootstrapper === undefined) throw new Error('the plugin has no bootstrapper')
const debian = bootstrapper

export interface Bench {
  readonly path: string
  readonly key: Key
  readonly mirror: Mirror
  /** Signs and serves. */
  publish(publication?: Partial<Publication>): Promise<void>
  /** Looks at the mirror. */
  id(options?: OptionValues, signal?: AbortSignal): Promise<string>
  /** Looks, and makes the tree. @returns its path */
  make(options?: OptionValues, signal?: AbortSignal): Promise<string>
  /** Ids that need no network. */
  pinned(options?: OptionValues): Promise<readonly string[]>
  /** Scripts that were run in trees. */
  readonly scripts: string[]
  outcome: TreeOutcome
}

/** Names that every system has, as packages of nothing. */
export const emptyBase: readonly PackageSpec[] = [
  { name: 'base-files', fields: ['Essential: yes'] },
  ...['apt', 'dbus', 'debian-archive-keyring', 'login', 'passwd', 'systemd-sysv', 'util-linux']
    .map((name) => ({ name })),
]

export async function openBench(
  { cleanup }: TestContext,
  packages: readonly PackageSpec[] = [],
): Promise<Bench> {
  const path = mkdtempSync(join(tmpdir(), 'vserver-debian-'))
  cleanup(() => rmSync(path, { recursive: true, force: true }))
  const key = await makeKey()
  writeFileSync(join(path, 'keys.asc'), key.public)
  const mirror = await startMirror(new Map())
  cleanup(() => mirror.close())
  const session = await openSession(executorPath)
  cleanup(() => session.close())
  const scripts: string[] = []
  let trees = 0
  const context = (options: OptionValues, signal?: AbortSignal): BootstrapContext => ({
    session,
    signal: signal ?? new AbortController().signal,
    progress: () => undefined,
    options: {
      mirror: mirror.url,
      securityMirror: 'none',
      updates: false,
      keyring: join(path, 'keys.asc'),
      stallTimeout: 300,
      ...options,
    },
    cache: join(path, 'cache'),
    offline: false,
    runInTree: (command) => {
      scripts.push(command.argv.at(-1) ?? '')
      return Promise.resolve(bench.outcome)
    },
  })
  const bench: Bench = {
    path,
    key,
    mirror,
    scripts,
    outcome: { kind: 'exited', code: 0 },
    async publish(publication = {}) {
      mirror.files = await publish({ packages: [...emptyBase, ...packages], key, ...publication })
    },
    id: async (options = {}, signal) => await debian.id('trixie', context(options, signal)),
    async make(options = {}, signal) {
      const one = context({ include: packages.map(({ name }) => name), ...options }, signal)
      await debian.id('trixie', one)
      const tree = join(path, `tree${trees++}`)
      mkdirSync(tree, { mode: 0o755 })
      await debian.make('trixie', tree, one)
      return tree
    },
    pinned: async (options = {}) => await debian.pinned?.('trixie', context(options)) ?? [],
  }
  await bench.publish()
  return bench
}

/** Names of all that failed makings left in their trees. */
export function leftovers({ path }: Bench): readonly string[] {
  return readdirSync(path).filter((name) => name.startsWith('tree'))
    .flatMap((name) => readdirSync(join(path, name)).map((one) => `${name}/${one}`))
}
