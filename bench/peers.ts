/**
 * The programs that we are compared with: runc, crun and nsenter, on the same tree.
 *
 * @module
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Command } from './harness.ts'
import { floor } from './programs.ts'

/** Absolute path of a program, or undefined where it is not installed. */
export function which(program: string): string | undefined {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].map((directory) => join(directory, program))
    .find((path) => existsSync(path))
}

interface Spec {
  process: { terminal: boolean; args: string[]; rlimits?: unknown }
  root: { path: string; readonly: boolean }
  linux: { seccomp?: unknown; resources?: unknown }
}

/** A bundle without seccomp: runtimes compile their filters at each start, which is a cost of its own. */
function makeBundle(directory: string, tree: string, args: string[]): string {
  mkdirSync(directory, { recursive: true })
  execFileSync(which('runc') ?? which('crun') ?? 'runc', ['spec'], { cwd: directory })
  const file = join(directory, 'config.json')
  const spec: Spec = JSON.parse(readFileSync(file, 'utf8'))
  spec.process.terminal = false
  spec.process.args = args
  spec.root = { path: tree, readonly: false }
  delete spec.linux.seccomp
  // Limits and device rules: crun raises a limit for them, which not every host permits.
  delete spec.linux.resources
  delete spec.process.rlimits
  writeFileSync(file, JSON.stringify(spec))
  return directory
}

export interface Peers {
  readonly exec: readonly Command[]
  readonly run: readonly Command[]
  readonly dispose: () => void
}

/**
 * Starts a container of each runtime that is installed. crun wants cgroup2 at /sys/fs/cgroup and nothing
 * else: on a hybrid host it works in a mount namespace of its own, which a static program joins before
 * it (0.1 ms that are counted as crun's).
 */
export async function startPeers(scratch: string, tree: string): Promise<Peers> {
  const exec: Command[] = []
  const run: Command[] = []
  const undo: (() => void)[] = []
  const lasting = makeBundle(join(scratch, 'lasting'), tree, ['/pause-static'])
  const quick = makeBundle(join(scratch, 'quick'), tree, ['/true-static'])
  const id = `vserver-bench-${process.pid}`
  const dispose = () => {
    for (const deed of undo.reverse()) deed()
  }
  const add = (name: string, prefix: readonly string[]) => {
    const call = (...args: string[]) => [...prefix, ...args]
    const [file = '', ...rest] = call('run', '--detach', '--bundle', lasting, id)
    execFileSync(file, rest, { stdio: 'ignore' })
    undo.push(() => {
      const [program = '', ...args] = call('delete', '--force', id)
      execFileSync(program, args, { stdio: 'ignore' })
    })
    exec.push({ name: `${name} exec`, argv: call('exec', id, '/true-static') })
    run.push({ name: `${name} run`, argv: call('run', '--bundle', quick, `${id}-quick`) })
  }
  try {
    await addAll()
  } catch (error) {
    dispose()
    throw error
  }
  return { exec, run, dispose }

  async function addAll(): Promise<void> {
    const runc = which('runc')
    if (runc !== undefined) add('runc', [runc, '--root', join(scratch, 'runc')])
    const crun = which('crun')
    if (crun !== undefined) {
      const plain = [crun, '--root', join(scratch, 'crun')]
      if (existsSync('/sys/fs/cgroup/cgroup.controllers')) add('crun', plain)
      else {
        const script =
          'umount -l -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && echo && exec sleep 3600'
        const holder = spawn(
          'unshare',
          ['--mount', '--propagation', 'private', 'sh', '-c', script],
          {
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        )
        undo.push(() => holder.kill('SIGKILL'))
        await new Promise((resolve) => holder.stdout.once('data', resolve))
        add('crun', [floor('join'), `/proc/${holder.pid}/ns/mnt`, ...plain])
      }
    }
  }
}
