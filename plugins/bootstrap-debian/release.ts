/**
 * Release files: fetched, verified, checked for suite, age and replay.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fieldOf, linesOf, parseStanza, type Stanza, wordsOf } from './deb822.ts'
import { messageOf, sourceFailure } from './failure.ts'
import type { Fetcher } from './http.ts'
import { verifyDetached, verifyInline } from './signature.ts'

const RELEASE_BYTES = 16 << 20

/** One suite of one archive. */
export interface Archive {
  /** For messages: what was given with --from. */
  readonly source: string
  readonly base: string
  readonly suite: string
  readonly allowExpired: boolean
  readonly keyring: string | undefined
  /** Directory in which it is remembered what was seen last. */
  readonly seen: string
}

export interface IndexFile {
  readonly path: string
  readonly size: number
  /** SHA-256, 64 hex digits. */
  readonly digest: string
}

export interface Release {
  readonly archive: Archive
  readonly date: Date
  readonly files: ReadonlyMap<string, IndexFile>
  readonly byHash: boolean
  readonly components: readonly string[]
}

/**
 * @returns undefined when the archive has no such suite
 * @throws {VServerError} E_SOURCE
 */
export async function fetchRelease(
  fetcher: Fetcher,
  archive: Archive,
): Promise<Release | undefined> {
  const { source, base, suite, keyring } = archive
  const place = `${base}/dists/${suite}`
  const inline = `${place}/InRelease`
  const both = await fetcher.read(inline, RELEASE_BYTES)
  if (both !== undefined) {
    return readRelease(await verifyInline(both, { source, url: inline, keyring }), archive)
  }
  const [text, signature] = await Promise.all([
    fetcher.read(`${place}/Release`, RELEASE_BYTES),
    fetcher.read(`${place}/Release.gpg`, RELEASE_BYTES),
  ])
  if (text === undefined) return undefined
  const signed = { source, url: `${place}/Release`, keyring }
  if (signature === undefined) {
    throw sourceFailure(source, `${signed.url}: it has no signature (Release.gpg is missing)`, {
      url: signed.url,
      hint: 'use another mirror',
    })
  }
  return readRelease(await verifyDetached(text, signature, signed), archive)
}

/**
 * Checks a verified text, and remembers its date.
 *
 * @throws {VServerError} E_SOURCE
 */
export function readRelease(text: string, archive: Archive): Release {
  const { source, base, suite } = archive
  const url = `${base}/dists/${suite}`
  const fail = (detail: string, hint?: string) =>
    sourceFailure(source, `${url}: ${detail}`, { url, ...(hint === undefined ? {} : { hint }) })
  let stanza: Stanza
  try {
    stanza = parseStanza(text.replaceAll('\r\n', '\n'))
  } catch (error) {
    throw fail(`the release file is damaged: ${messageOf(error)}`)
  }
  const names = [fieldOf(stanza, 'Codename'), fieldOf(stanza, 'Suite')]
  if (!names.includes(suite)) {
    throw fail(
      `the release file should be for "${suite}", and is for "${
        names[0] ?? names[1] ?? 'nothing'
      }"`,
      'use another mirror; this one is mixed up, or was tampered with',
    )
  }
  const date = readDate(fieldOf(stanza, 'Date'))
  if (date === undefined) throw fail('the release file has no date')
  const until = fieldOf(stanza, 'Valid-Until')
  if (until !== undefined && !archive.allowExpired) {
    const end = readDate(until)
    if (end === undefined) {
      throw fail(`the release file is valid until "${until}", which is no date`)
    }
    const now = new Date()
    if (end < now) {
      throw fail(
        `the release file was valid until ${end.toISOString()}, and now it is ${now.toISOString()}`,
        'use another mirror, set the clock, or accept it with --allow-expired',
      )
    }
  }
  checkReplay(archive, date, fail)
  return {
    archive,
    date,
    files: readFiles(stanza, fail),
    byHash: fieldOf(stanza, 'Acquire-By-Hash') === 'yes',
    components: wordsOf(fieldOf(stanza, 'Components')),
  }
}

function readDate(text: string | undefined): Date | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : new Date(time)
}

/** The SHA256 field. Names that lead out of the suite are refused, whether they are used or not. */
function readFiles(stanza: Stanza, fail: (detail: string) => Error): Map<string, IndexFile> {
  const files = new Map<string, IndexFile>()
  for (const line of linesOf(fieldOf(stanza, 'SHA256'))) {
    const match = /^([0-9a-f]{64})\s+([0-9]{1,12})\s+(\S+)$/.exec(line)
    const [, digest, size, path] = match ?? []
    if (digest === undefined || size === undefined || path === undefined) {
      throw fail('the release file lists something that is no file')
    }
    if (!isSafePath(path)) throw fail(`the release file names "${path}"`)
    files.set(path, { path, size: Number(size), digest })
  }
  if (files.size === 0) throw fail('the release file lists no files with SHA-256')
  return files
}

/** Whether a path of an archive stays in it. Pure. */
export function isSafePath(path: string): boolean {
  return /^[A-Za-z0-9._+~:@=,-][A-Za-z0-9._+~:@=,/%-]*$/.test(path) &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') &&
    !/%(2e|2f|5c|00)/i.test(path)
}

/** An older signed release than the last one seen is somebody's replay: it brings old holes back. */
function checkReplay(
  { base, suite, seen }: Archive,
  date: Date,
  fail: (detail: string, hint: string) => Error,
): void {
  const name = createHash('sha256').update(`${base}\0${suite}`).digest('hex')
  const path = join(seen, name)
  const before = readDate(readOptional(path))
  if (before !== undefined && date < before) {
    throw fail(
      `the release file is of ${date.toISOString()}, and one of ${before.toISOString()} was seen ` +
        'before: somebody replays an old one',
      'use another mirror, or wait until this one is up to date',
    )
  }
  if (before?.getTime() === date.getTime()) return
  mkdirSync(seen, { recursive: true, mode: 0o700 })
  const staged = `${path}.${process.pid}`
  writeFileSync(staged, `${date.toISOString()}\n`, { mode: 0o600 })
  renameSync(staged, path)
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
