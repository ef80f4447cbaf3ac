/**
 * What of a running guest's configuration waits for its next start.
 *
 * @module
 */
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Root, runDir } from '../host/root.ts'
import type { GuestConfig } from './config.ts'
import { readOwn, writeWhole } from './files.ts'

/**
 * The keys that count only while a guest starts, with their values. All others are looked at by the
 * command that uses them: `from`, `autostart`, `after`, `unify`. Pure.
 */
export function startKeys(config: GuestConfig): ReadonlyMap<string, unknown> {
  const { mode, options } = config.network
  return new Map<string, unknown>([
    ['mounts', config.mounts],
    ['hostname', config.hostname],
    ['init', config.init ?? null],
    ['env', config.env],
    ['stopTimeout', config.stopTimeoutMs],
    ['network.mode', mode],
    ...Object.entries(options).map(([key, value]) => [`network.${key}`, value] as const),
  ])
}

/** Names of keys that differ, in the order of the configuration's table. Pure. */
export function pendingKeys(
  started: ReadonlyMap<string, unknown>,
  now: ReadonlyMap<string, unknown>,
): readonly string[] {
  const keys = new Set([...now.keys(), ...started.keys()])
  return [...keys].filter((key) => !isDeepStrictEqual(started.get(key), now.get(key)))
}

/** Remembers what a guest is about to be started with. The caller holds its lock. */
export function keepStarted(root: Root, name: string, config: GuestConfig): void {
  const text = `${JSON.stringify(Object.fromEntries(startKeys(config)))}\n`
  writeWhole(startedPath(root, name), text, { sync: false })
}

/** What a running guest was started with; `undefined` when nothing is known of it. */
export function readStarted(root: Root, name: string): ReadonlyMap<string, unknown> | undefined {
  const read = readOwn(startedPath(root, name))
  if (read.kind !== 'read') return undefined
  try {
    const value: unknown = JSON.parse(read.bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function startedPath(root: Root, name: string): string {
  return join(runDir(root, name), 'started.json')
}
