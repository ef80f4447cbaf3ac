/**
 * Which templates a request led to before, newest first: they are used again without the network.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { digest64 } from '../../core/host/digest64.ts'
import type { BootstrapContext } from '../../core/plugin/types.ts'
import { readRequest, type Request, requestLines } from './request.ts'

const PINS_MAX = 20

/** Where everything is that this bootstrapper keeps. */
export function cacheDirectory({ cache }: BootstrapContext): string {
  return join(cache, 'debian')
}

function pinFile(request: Request, context: BootstrapContext): string {
  return join(cacheDirectory(context), 'pins', digest64(requestLines(request).join('\n')))
}

/** Ids of templates that an equal request led to, newest first; some may be gone. */
export function pinned(source: string, context: BootstrapContext): readonly string[] {
  return readPins(readRequest(source, context), context)
}

/** What a file of pins begins with: the digest in its name is no proof. */
function heading(request: Request): string {
  return requestLines(request).map((line) => `# ${line}\n`).join('')
}

function readPins(request: Request, context: BootstrapContext): readonly string[] {
  try {
    const text = readFileSync(pinFile(request, context), 'utf8')
    const head = heading(request)
    return text.startsWith(head)
      ? text.slice(head.length).split('\n').filter((line) => line !== '')
      : []
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Remembers an id as the newest. */
export function pin(request: Request, id: string, context: BootstrapContext): void {
  const path = pinFile(request, context)
  const before = readPins(request, context)
  if (before[0] === id) return
  mkdirSync(join(cacheDirectory(context), 'pins'), { recursive: true, mode: 0o700 })
  const all = [id, ...before.filter((one) => one !== id)].slice(0, PINS_MAX)
  const staged = `${path}.${process.pid}`
  writeFileSync(staged, `${heading(request)}${all.join('\n')}\n`, { mode: 0o600 })
  renameSync(staged, path)
}
