/**
 * An index of packages, kept as the bytes that came: sixty thousand stanzas are found by name at once,
 * and only those that are looked at are taken apart.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { createReadStream } from 'node:fs'
import {
  decompressStream,
  detectCompression,
  MAGIC_BYTES,
} from '../../core/host/tree/decompress.ts'
import { fieldOf, parseStanza, type Stanza } from './deb822.ts'
import { messageOf, sourceFailure } from './failure.ts'
import { parseRelations } from './relation.ts'
import { isSafePath } from './release.ts'
import { isVersion } from './version.ts'
import type { IndexPackage } from './package.ts'

/** What an index may unpack to. */
const INDEX_BYTES = 512 << 20

export interface PackageIndex {
  /** Packages of a name, for this architecture or all. */
  named(name: string): readonly IndexPackage[]
  /** Packages that provide a name. */
  providing(name: string): readonly IndexPackage[]
  /** Essential packages, and those of priority required. */
  readonly base: readonly IndexPackage[]
}

export interface IndexOptions {
  readonly source: string
  /** Address of the archive that the packages are in. */
  readonly base: string
  readonly url: string
  readonly architecture: string
}

/** Reads a compressed index. @throws {VServerError} E_SOURCE */
export async function readIndex(path: string, options: IndexOptions): Promise<PackageIndex> {
  const input = createReadStream(path, { highWaterMark: 1 << 18 })
  const parts: Uint8Array[] = []
  let length = 0
  try {
    const compression = await compressionOf(path, options.url)
    for await (const chunk of decompressStream(input, { compression, archive: options.url })) {
      length += chunk.length
      if (length > INDEX_BYTES) {
        throw sourceFailure(options.source, `${options.url} is over ${INDEX_BYTES} bytes unpacked`)
      }
      parts.push(chunk)
    }
  } finally {
    input.destroy()
  }
  return indexOf(Buffer.concat(parts), options)
}

async function compressionOf(path: string, url: string) {
  for await (const head of createReadStream(path, { end: MAGIC_BYTES - 1 })) {
    return detectCompression(head, url)
  }
  return 'none' as const
}

/** Makes an index of text. Pure but for what it keeps. @throws {VServerError} E_SOURCE */
export function indexOf(text: Buffer, options: IndexOptions): PackageIndex {
  const { source, url, architecture } = options
  const names = new Map<string, number[]>()
  const provided = new Map<string, number[]>()
  const base: number[] = []
  const parsed = new Map<number, IndexPackage>()
  const add = (map: Map<string, number[]>, key: string, at: number) => {
    const list = map.get(key)
    if (list === undefined) map.set(key, [at])
    else list.push(at)
  }
  const startOf = (at: number) => {
    const end = text.lastIndexOf('\n\n', at)
    return end < 0 ? 0 : end + 2
  }
  const lines = function* (field: string): Generator<{ at: number; value: string }> {
    const mark = `\n${field}: `
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
      const from = at + mark.length
      const end = text.indexOf(0x0a, from)
      yield { at, value: text.toString('latin1', from, end < 0 ? text.length : end) }
    }
  }
  // Stanzas start with their name in every archive, which the first stanza shows, too.
  if (text.length > 0 && text.toString('latin1', 0, 9) !== 'Package: ') {
    throw sourceFailure(source, `${url} is no index of packages`, { url })
  }
  if (text.length > 0) {
    add(names, text.toString('latin1', 9, Math.max(9, text.indexOf(0x0a))), 0)
    for (const { at, value } of lines('Package')) add(names, value, at + 1)
  }
  for (const { at, value } of lines('Provides')) {
    const start = startOf(at)
    for (const one of value.split(',')) {
      const name = /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(one)?.[1]
      if (name !== undefined) add(provided, name, start)
    }
  }
  for (const { at, value } of lines('Essential')) if (value === 'yes') base.push(startOf(at))
  for (const { at, value } of lines('Priority')) if (value === 'required') base.push(startOf(at))

  const parse = (at: number): IndexPackage => {
    const known = parsed.get(at)
    if (known !== undefined) return known
    const end = text.indexOf('\n\n', at)
    const made = toPackage(text.toString('utf8', at, end < 0 ? text.length : end), options)
    parsed.set(at, made)
    return made
  }
  const usable = (list: readonly number[] | undefined) =>
    (list ?? []).map(parse).filter(({ architecture: one }) => one === architecture || one === 'all')
  return {
    named: (name) => usable(names.get(name)),
    providing: (name) => usable(provided.get(name)),
    base: usable([...new Set(base)]),
  }
}

function toPackage(text: string, { source, url, base }: IndexOptions): IndexPackage {
  const fail = (detail: string, name?: string) =>
    sourceFailure(source, `${url}: ${detail}`, {
      url,
      ...(name === undefined ? {} : { package: name }),
      hint: 'use another mirror; this one is damaged, or was tampered with',
    })
  let stanza: Stanza
  try {
    stanza = parseStanza(text)
  } catch (error) {
    throw fail(messageOf(error))
  }
  const get = (field: string) => fieldOf(stanza, field)
  const name = get('Package') ?? ''
  if (!/^[a-z0-9][a-z0-9+.-]*$/.test(name)) throw fail(`it names a package ${JSON.stringify(name)}`)
  const version = get('Version') ?? ''
  if (!isVersion(version)) throw fail(`its version is ${JSON.stringify(version)}`, name)
  const filename = get('Filename') ?? ''
  if (!isSafePath(filename)) throw fail(`its file is ${JSON.stringify(filename)}`, name)
  const digest = get('SHA256') ?? ''
  const size = get('Size') ?? ''
  if (!/^[0-9a-f]{64}$/.test(digest) || !/^[0-9]{1,12}$/.test(size)) {
    throw fail('it has no SHA-256, or no size', name)
  }
  try {
    return {
      name,
      version,
      architecture: get('Architecture') ?? '',
      essential: get('Essential') === 'yes',
      priority: get('Priority') ?? 'optional',
      multiArch: get('Multi-Arch') ?? 'no',
      url: `${base}/${filename}`,
      digest,
      size: Number(size),
      installedKiB: Number(get('Installed-Size') ?? 0) || 0,
      preDepends: parseRelations(get('Pre-Depends')),
      depends: parseRelations(get('Depends')),
      conflicts: parseRelations(get('Conflicts')),
      breaks: parseRelations(get('Breaks')),
      provides: parseRelations(get('Provides')).flat(),
    }
  } catch (error) {
    throw fail(messageOf(error), name)
  }
}
