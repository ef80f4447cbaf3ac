/**
 * A root directory with tiny guests in it, and the executor as its front door.
 *
 * @module
 */
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { nativeName } from '../../../core/cli/native.ts'
import { encodeCard } from '../../../core/guest/card.ts'
import { statInputs } from '../../../core/guest/inputs.ts'
import { encodeKept } from '../../../core/guest/kept.ts'
import { decodeState, type StateRecord } from '../../../core/guest/state.ts'
import { encode } from '../../../core/plan/encode.ts'
import { executorPath, inRepository } from '../../support/paths.ts'
import { enterPlan, forkPlan, startPlan, type TinyGuest } from './tiny.ts'

export interface GuestOptions extends Partial<Omit<TinyGuest, 'init'>> {
  readonly notifies?: boolean
  readonly ordered?: boolean
  readonly stopTimeoutMs?: number
  readonly stopSignal?: number
}

export interface World {
  readonly root: string
  /** Path of a compiled helper of `test/supervisor/tools`. */
  tool(name: string): string
  /** Makes a guest whose init runs in this mode of `tools/init.c`, with both kept plans. */
  guest(name: string, init: readonly string[], options?: GuestOptions): void
  run(...words: readonly string[]): SpawnSyncReturns<string>
  /** The same as the appliance does it, once everything is compiled. */
  runNative(...words: readonly string[]): SpawnSyncReturns<string>
  /** The same with more of the environment. */
  runWith(
    env: Readonly<Record<string, string>>,
    ...words: readonly string[]
  ): SpawnSyncReturns<string>
  env(): Record<string, string>
  runDir(name: string, ...rest: readonly string[]): string
  guestDir(name: string, ...rest: readonly string[]): string
  state(name: string): StateRecord | undefined
  exit(name: string): { code: number | null; signal: number | null; reason: string } | undefined
  /** Sees to it that commands are started by the guest's forker. */
  forker(name: string): Promise<void>
  /** Ends all guests and removes everything. */
  destroy(): void
}

const built = new Map<string, string>()

function tool(name: string): string {
  const known = built.get(name)
  if (known !== undefined) return known
  const dir = inRepository('dist/test-tools')
  mkdirSync(dir, { recursive: true })
  const to = join(dir, `${name}-${process.pid}`)
  const source = inRepository('test/supervisor/tools', `${name}.c`)
  const made = spawnSync('gcc', ['-O1', '-Wall', '-Wextra', '-static', '-o', to, source], {
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(made.stderr)
  built.set(name, to)
  process.on('exit', () => rmSync(to, { force: true }))
  return to
}

/** Waits for something to become true. */
export async function until(what: string, holds: () => boolean, ms = 5000): Promise<void> {
  const end = Date.now() + ms
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Starts a process and gives its end. */
export function start(
  file: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  argv0 = 'vserver',
): {
  readonly pid: number
  readonly output: () => string
  readonly ended: Promise<{ code: number | null; signal: string | null }>
  readonly write: (text: string) => void
  readonly end: () => void
} {
  const child = spawn(file, words, { argv0, env, stdio: 'pipe' })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  child.stderr.on('data', (chunk) => (text += String(chunk)))
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  return {
    pid: child.pid ?? -1,
    output: () => text,
    ended,
    write: (words) => void child.stdin.write(words),
    end: () => void child.stdin.end(),
  }
}

export function world({ forker = true }: { readonly forker?: boolean } = {}): World {
  const root = mkdtempSync(join(tmpdir(), 'vserver-front-'))
  const names: string[] = []
  const executor = process.env['VSERVER_TEST_EXECUTOR'] ?? executorPath
  const build = spawnSync(executor, ['@build'], { encoding: 'utf8' }).stdout.trim()
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '')
  // The supervisor's copy is checked for its owner and mode, which a checkout need not have right.
  const copy = join(root, 'executor')
  copyFileSync(executor, copy)
  const runDir = (name: string, ...rest: readonly string[]) =>
    join(root, 'run/vserver/guests', name, ...rest)
  const guestDir = (name: string, ...rest: readonly string[]) =>
    join(root, 'var/lib/vserver/guests', name, ...rest)
  const env = () => ({
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    TERM: 'dumb',
    VSERVER_ROOT: root,
    VSERVER_EXECUTOR: copy,
    ...(forker ? {} : { VSERVER_FORKER: '0' }),
  })
  const common = {
    boot: Buffer.from(boot, 'hex'),
    build: Buffer.from(build, 'hex'),
  }

  const result: World = {
    root,
    tool,
    runDir,
    guestDir,
    env,
    guest(name, init, options = {}) {
      names.push(name)
      mkdirSync(runDir(name), { recursive: true, mode: 0o700 })
      mkdirSync(guestDir(name), { recursive: true, mode: 0o700 })
      writeFileSync(guestDir(name, 'guest.yaml'), 'from: nothing\n')
      const card = encodeCard({
        name,
        from: 'dir:/srv/tree',
        template: undefined,
        ids: { first: 2_000_000_000, count: 65536 },
        cgroup: `/vserver-000000/${name}`,
        network: 'none',
      })
      const plan = startPlan({ ...options, init: [tool('init'), ...init] })
      const shared = {
        ...common,
        stopSignal: options.stopSignal ?? 15,
        stopTimeoutMs: options.stopTimeoutMs ?? 2000,
        notifies: options.notifies ?? false,
        ordered: options.ordered ?? false,
      }
      writeFileSync(
        runDir(name, 'start.kept'),
        encodeKept({
          ...shared,
          plan: encode(plan),
          inputs: statInputs([
            guestDir(name, 'guest.yaml'),
            join(root, 'absent'),
            { path: guestDir(name), only: 'identity' },
          ]),
          text: card,
        }),
        { mode: 0o600 },
      )
      writeFileSync(
        runDir(name, 'enter.kept'),
        encodeKept({
          ...shared,
          plan: encode(enterPlan()),
          inputs: [],
          text: [name, 'PATH=/usr/bin:/bin', 'HOME=/root', '', '/bin/sh', '-i', ''],
        }),
        { mode: 0o600 },
      )
      writeFileSync(
        runDir(name, 'fork.kept'),
        encodeKept({ ...shared, plan: encode(forkPlan()), inputs: [], text: [name] }),
        { mode: 0o600 },
      )
    },
    run: (...words) => result.runWith({}, ...words),
    runNative: (...words) =>
      spawnSync(executor, words, {
        argv0: nativeName,
        encoding: 'utf8',
        env: env(),
        timeout: 20_000,
      }),
    runWith: (more, ...words) =>
      spawnSync(executor, words, { encoding: 'utf8', env: { ...env(), ...more }, timeout: 20_000 }),
    state(name) {
      const path = runDir(name, 'state')
      return existsSync(path) ? decodeState(readFileSync(path)) : undefined
    },
    exit(name) {
      const path = guestDir(name, 'exit.json')
      return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
    },
    forker: (name) =>
      until(
        `the forker of ${name}`,
        () => result.run('exec', name, 'sh', '-c', 'echo $PPID').stdout.trim() !== '0',
      ),
    destroy() {
      for (const name of names) result.run('kill', name)
      rmSync(root, { recursive: true, force: true })
    },
  }
  return result
}

/** The executor under test. */
export const executorUnderTest = process.env['VSERVER_TEST_EXECUTOR'] ?? executorPath
