/**
 * Guests for measuring: on a state directory of their own, removed afterwards.
 *
 * @module
 */
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Product } from '../test/system/product.ts'
import { cgroupName } from '../test/system/snapshot.ts'

/** Pid of a running guest's init. */
export function initPid(it: Product, name: string): number {
  const [{ initPid }] = JSON.parse(it.must('status', '--json', name))
  return initPid
}

export interface Groups {
  /** Directory of the cgroup2 group that exec'd processes are in. */
  readonly unified: string
  /** `tasks` files of the version 1 groups. */
  readonly tasks: readonly string[]
}

/** Finds out, from one such process, which cgroups exec'd processes are in. */
export async function execGroups(it: Product, name: string): Promise<Groups> {
  const [file = '', ...args] = it.argv('exec', name, '--', '/pause-static')
  const child = spawn(file, args, { stdio: 'ignore' })
  await sleep(300)
  const init = initPid(it, name)
  const owner = cgroupName(it.root)
  const pid = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number).find((one) =>
    one !== init && one !== child.pid && parent(one) === child.pid
  )
  const text = readFileSync(`/proc/${pid ?? init}/cgroup`, 'utf8')
  child.kill('SIGTERM')
  const lines = text.trim().split('\n').map((line) => line.split(':'))
  const root = readdirSync('/sys/fs/cgroup').includes('unified') ? 'unified' : ''
  const unified = lines.find(([number]) => number === '0')?.[2] ?? '/'
  const tasks = lines.filter(([number, , path]) => number !== '0' && path?.includes(owner)).flatMap(
    ([, controllers, path]) => globSync(`/sys/fs/cgroup/${controllers}${path}/tasks`),
  )
  return { unified: join('/sys/fs/cgroup', root, unified), tasks }
}

function parent(pid: number): number {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}
