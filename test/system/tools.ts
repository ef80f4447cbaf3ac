/**
 * The C programs of tests that the lab runs too, compiled when they are first asked for.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { inRepository } from '../support/paths.ts'

const escapeParts = [
  'escape.c',
  'escape_device.c',
  'escape_file.c',
  'escape_kernel.c',
  'escape_mount.c',
  'escape_network.c',
  'escape_process.c',
  'escape_resource.c',
  'escape_root.c',
  'escape_watch.c',
]

/** Programs that run inside guests with nothing else there: no C library, so that they start at once. */
const bare: Readonly<Record<string, readonly string[]>> = {
  init: ['init.c'],
  int80: ['int80.c'],
  pause: ['pause.c'],
  rebooter: ['rebooter.c'],
  true: ['true.c'],
  waiter: ['waiter.c'],
}

const hosted: Readonly<Record<string, readonly string[]>> = {
  behold: ['behold.c'],
  escape: escapeParts,
  handover: ['handover.c'],
  hostkey: ['hostkey.c'],
  killat: ['killat.c', 'killat_table.c'],
  'native-device': ['../../linux/native/device.c'],
  'native-netlink': ['../../linux/native/netlink.c'],
  'native-seccomp': ['../../linux/native/seccomp.c'],
  ptydrive: ['ptydrive.c', 'ptyterm.c'],
  ttypeer: ['ttypeer.c'],
  vandal: ['vandal.c', 'vandal_deeds.c'],
}

const headers = ['bare.h', 'escape.h', 'killat.h', 'ptydrive.h', 'stream.h', 'vandal.h']
const common = ['-std=gnu17', '-O2', '-static', '-Wall', '-Wextra', '-Werror']
const bareFlags = [
  '-nostdlib',
  '-ffreestanding',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-fcf-protection=none',
  '-Wl,--build-id=none,-z,noexecstack',
  '-s',
]

const compiled = new Map<string, string>()

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/**
 * Absolute path of a compiled program. It is compiled again when a source is newer, beside its place and
 * then renamed, since tests run at the same time.
 *
 * @throws {Error} with the compiler's words when it does not compile
 */
export function tool(name: string): string {
  const known = compiled.get(name)
  if (known !== undefined) return known
  const sources = bare[name] ?? hosted[name]
  if (sources === undefined) throw new Error(`no tool ${name}`)
  const directory = inRepository('test/system/tools')
  const target = inRepository('dist/test-tools', name)
  const files = sources.map((file) => join(directory, file))
  const newest = Math.max(
    ...[...files, ...headers.map((file) => join(directory, file))].map(modifiedMs),
  )
  if (modifiedMs(target) < newest) {
    mkdirSync(inRepository('dist/test-tools'), { recursive: true })
    const fresh = `${target}.${process.pid}`
    const flags = name in bare ? [...common, ...bareFlags] : common
    const ran = spawnSync('gcc', [...flags, '-o', fresh, ...files], { encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(`gcc ${name}: ${ran.stderr || ran.error?.message}`)
    renameSync(fresh, target)
  }
  compiled.set(name, target)
  return target
}

/** Each compiles one program that the system tests use, unless it is up to date. */
export const everyTool: readonly (() => string)[] = [...Object.keys(bare), ...Object.keys(hosted)]
  .map((name) => () => tool(name))
