/**
 * What a person asked for, checked: suite, mirrors and the other options. Two equal requests make equal
 * trees from an equal archive.
 *
 * @module
 */
import process from 'node:process'
import type { BootstrapContext, OptionValue } from '../../core/plugin/types.ts'
import { sourceFailure } from './failure.ts'
import { chooseMirrors, type Mirrors } from './mirror.ts'

/** Suites, oldest first, and whether they have `-updates` and `-security` beside them. */
const suites = new Map([
  ['bullseye', true],
  ['bookworm', true],
  ['trixie', true],
  ['sid', false],
])

export interface Request extends Mirrors {
  /** As it was given with --from. */
  readonly source: string
  readonly suite: string
  readonly architecture: string
  readonly updates: boolean
  readonly include: readonly string[]
  readonly allowExpired: boolean
  /** A file of trusted keys, instead of the carried ones. */
  readonly keyring: string | undefined
  readonly stallTimeoutMs: number
  readonly configureTimeoutMs: number
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** @throws {VServerError} E_SOURCE for an unknown suite */
export function readRequest(name: string, { options }: BootstrapContext): Request {
  const source = `debian:${name}`
  const companions = suites.get(name)
  if (companions === undefined) {
    const known = [...suites.keys()]
    const meant = known.find((one) => name !== '' && (one.startsWith(name) || name.startsWith(one)))
    throw sourceFailure(source, `there is no suite "${name}"`, {
      hint: meant === undefined ? `suites: ${known.join(', ')}` : `did you mean debian:${meant}?`,
    })
  }
  const text = (key: string) => asText(options[key])
  const include = options['include']
  return {
    source,
    suite: name,
    architecture: architectures[process.arch] ?? process.arch,
    ...chooseMirrors({
      suite: name,
      mirror: text('mirror'),
      security: companions ? text('securityMirror') : 'none',
    }),
    updates: companions && options['updates'] !== false,
    include: Array.isArray(include) ? [...new Set(include.map(String))].sort() : [],
    allowExpired: options['allowExpired'] === true,
    keyring: text('keyring'),
    stallTimeoutMs: asNumber(options['stallTimeout'], 30_000),
    configureTimeoutMs: asNumber(options['configureTimeout'], 900_000),
  }
}

function asText(value: OptionValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function asNumber(value: OptionValue | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}

/** Lines that say what of a request becomes part of the tree. Pure. */
export function requestLines(request: Request): readonly string[] {
  const { suite, architecture, main, security, updates, include, keyring } = request
  return [
    `suite ${suite}`,
    `architecture ${architecture}`,
    `mirror ${main}`,
    `security ${security ?? 'none'}`,
    `updates ${updates}`,
    `include ${include.join(' ')}`,
    `keyring ${keyring ?? ''}`,
  ]
}
