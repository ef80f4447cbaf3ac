/**
 * Which mirrors are used: those that were asked for, else those of the host's own apt, else public ones.
 *
 * @module
 * @see sources.list(5)
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fieldOf, parseStanzas, wordsOf } from './deb822.ts'

export interface Mirrors {
  /** Without a slash at its end. */
  readonly main: string
  /** The security archive; undefined for none. */
  readonly security: string | undefined
}

const publicMirrors = {
  main: 'http://ftp.de.debian.org/debian',
  security: 'http://security.debian.org/debian-security',
} as const

/** One place that apt takes packages from. */
export interface AptSource {
  readonly uri: string
  readonly suite: string
}

export interface MirrorWish {
  readonly suite: string
  readonly mirror: string | undefined
  /** `none` for no security archive. */
  readonly security: string | undefined
  /** The host's apt directory; `/etc/apt` when not given. */
  readonly apt?: string
}

/** Chooses. Of the host's sources those of the same suite come first; another suite's will do. */
export function chooseMirrors({ suite, mirror, security, apt = '/etc/apt' }: MirrorWish): Mirrors {
  const wanted = security !== 'none'
  const all = mirror !== undefined && (security !== undefined) ? [] : readAptSources(apt)
  const secure = (one: AptSource) =>
    one.suite.includes('-security') || one.suite.includes('/updates')
  const of = (list: readonly AptSource[]) =>
    (list.find((one) => one.suite.startsWith(suite)) ?? list[0])?.uri
  const debian = all.filter(({ uri }) => /^https?:\/\/.*debian/.test(uri))
  const plain = debian.filter((one) => !secure(one) && /^[a-z]+(-updates)?$/.test(one.suite))
  const main = mirror ?? of(plain) ?? publicMirrors.main
  const safe = security ?? of(debian.filter(secure)) ?? publicMirrors.security
  return { main: trim(main), security: wanted ? trim(safe) : undefined }
}

function trim(uri: string): string {
  return uri.replace(/\/+$/, '')
}

/** Reads the sources of apt: `sources.list` and `sources.list.d`, one-line and deb822. */
export function readAptSources(apt: string): readonly AptSource[] {
  const directory = join(apt, 'sources.list.d')
  const names = optional(() => readdirSync(directory)) ?? []
  const found = [
    ...parseOneLine(optional(() => readFileSync(join(apt, 'sources.list'), 'utf8')) ?? ''),
  ]
  for (const name of names.toSorted()) {
    const text = optional(() => readFileSync(join(directory, name), 'utf8')) ?? ''
    if (name.endsWith('.list')) found.push(...parseOneLine(text))
    if (name.endsWith('.sources')) found.push(...parseSources(text))
  }
  return found
}

/** What is missing or cannot be read says nothing. */
function optional<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

/** `deb [options] URI SUITE COMPONENT…` lines. Pure. */
export function parseOneLine(text: string): readonly AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)(\s|$)/.exec(line)
    const [, uri, suite] = match ?? []
    return uri === undefined || suite === undefined ? [] : [{ uri, suite }]
  })
}

/** The deb822 form; a file that is damaged says nothing. Pure. */
export function parseSources(text: string): readonly AptSource[] {
  try {
    return parseStanzas(text).flatMap((stanza) => {
      if (!wordsOf(fieldOf(stanza, 'Types')).includes('deb')) return []
      if (/^(no|false|off|disable)$/i.test(fieldOf(stanza, 'Enabled') ?? '')) return []
      return wordsOf(fieldOf(stanza, 'URIs')).flatMap((uri) =>
        wordsOf(fieldOf(stanza, 'Suites')).map((suite) => ({ uri, suite }))
      )
    })
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}
