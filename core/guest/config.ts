/**
 * What a guest is configured to be. `GuestFile` is guest.yaml as it was written (validated, units still
 * text); `GuestConfig` is what it means, with every default applied.
 *
 * @module
 */
import type {
  NetworkMode,
  OptionSpec,
  OptionSpecs,
  OptionValue,
  OptionValues,
} from '../plugin/types.ts'
import { parseUnit } from './units.ts'

/** A host directory or file that is visible inside. `nosuid` and `nodev`, not idmapped. */
export interface MountConfig {
  /** Absolute path on the host. */
  readonly source: string
  /** Absolute, normalised path inside; never `/`, nor in `/proc`, `/sys` or `/dev`. */
  readonly target: string
  readonly readOnly: boolean
}

/** guest.yaml after validation. */
export interface GuestFile {
  readonly from?: string | undefined
  readonly autostart?: boolean | undefined
  readonly after?: readonly string[] | undefined
  readonly mounts?:
    | readonly {
      readonly source: string
      readonly target: string
      readonly readOnly?: boolean | undefined
    }[]
    | undefined
  readonly hostname?: string | undefined
  readonly init?: string | readonly string[] | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly stopTimeout?: string | undefined
  readonly unify?: { readonly exclude?: readonly string[] | undefined } | undefined
  readonly network?: NetworkFile | undefined
}

/** `network`: the mode, and the keys that the mode declares. */
export interface NetworkFile {
  readonly mode: string
  readonly [option: string]: string | number | boolean | readonly string[] | undefined
}

/** What a guest is, defaults applied and units parsed. */
export interface GuestConfig {
  /** As written; `undefined` when the guest's file does not say. */
  readonly from: string | undefined
  readonly autostart: boolean
  /** Guests that `start` and `boot` start before this one. */
  readonly after: readonly string[]
  readonly mounts: readonly MountConfig[]
  readonly hostname: string
  /** Path inside and arguments of the init; `undefined`: look for it where distributions put it. */
  readonly init: readonly string[] | undefined
  /** Environment of the init and of what is run with `exec` and `enter`. */
  readonly env: Readonly<Record<string, string>>
  readonly stopTimeoutMs: number
  /** Paths inside that `unify` leaves alone, beside those that it always does. */
  readonly unify: { readonly exclude: readonly string[] }
  readonly network: { readonly mode: string; readonly options: OptionValues }
}

/** Defaults, as they would be written. */
export const configDefaults = {
  autostart: false,
  stopTimeout: '30s',
  networkMode: 'none',
} as const

/**
 * Applies defaults and parses units. Pure. The file has been validated against the schema of the same
 * network modes, so that nothing here can fail.
 *
 * @param file guest.yaml after validation
 * @param guest the name is the default of `hostname`; `modes` are those of the registry
 */
export function effectiveConfig(
  file: GuestFile,
  guest: { readonly name: string; readonly modes: readonly NetworkMode[] },
): GuestConfig {
  const written: NetworkFile = file.network ?? { mode: configDefaults.networkMode }
  const { mode } = written
  const specs = guest.modes.find((candidate) => candidate.mode === mode)?.options ?? {}
  const options: Record<string, OptionValue> = {}
  for (const [key, spec] of Object.entries(specs)) {
    const value = optionValue(spec, written[key])
    if (value !== undefined) options[key] = value
  }
  return {
    from: file.from,
    autostart: file.autostart ?? configDefaults.autostart,
    after: file.after ?? [],
    mounts: (file.mounts ?? []).map(({ source, target, readOnly }) => ({
      source,
      target,
      readOnly: readOnly ?? false,
    })),
    hostname: file.hostname ?? guest.name,
    init: typeof file.init === 'string' ? [file.init] : file.init,
    env: file.env ?? {},
    stopTimeoutMs: parseUnit('time', file.stopTimeout ?? configDefaults.stopTimeout),
    unify: { exclude: file.unify?.exclude ?? [] },
    network: { mode, options },
  }
}

/** The value of a declared option: what was written, or its default, in the base unit. Pure. */
export function optionValue(
  spec: OptionSpec,
  written: OptionValue | undefined,
): OptionValue | undefined {
  const value = written ?? spec.default
  if (value === undefined) return undefined
  if (spec.kind !== 'number' || spec.unit === 'none') return value
  return parseUnit(spec.unit, value)
}

/**
 * The values of declared options when nothing was written; `undefined` where one has to be. Pure.
 */
export function defaultOptions(specs: OptionSpecs): OptionValues | undefined {
  const values: Record<string, OptionValue> = {}
  for (const [key, spec] of Object.entries(specs)) {
    const value = optionValue(spec, undefined)
    if (value !== undefined) values[key] = value
    else if (spec.optional !== true) return undefined
  }
  return values
}
