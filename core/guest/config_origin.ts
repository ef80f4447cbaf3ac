/**
 * Where each value of a guest's configuration comes from. Pure.
 *
 * @module
 */
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml'
import type { OptionSpec, Plugin } from '../plugin/types.ts'
import { configDefaults, type GuestFile } from './config.ts'

/** What decided a value. */
export type Origin =
  | { readonly kind: 'file'; readonly line: number }
  | { readonly kind: 'default' }
  | { readonly kind: 'plugin'; readonly plugin: string }

/** One key, as it would be written in the file. */
export interface EffectiveValue {
  readonly key: string
  /** `null`: none. */
  readonly value: unknown
  readonly origin: Origin
}

/**
 * Every key with the value that counts, and why.
 *
 * @param guest `text` is its guest.yaml, `file` what that says after validation
 */
export function effectiveValues(
  guest: { readonly name: string; readonly text: string; readonly file: GuestFile },
  plugins: readonly Plugin[],
): readonly EffectiveValue[] {
  const { file, name } = guest
  const lineOf = lines(guest.text)
  const mode = file.network?.mode ?? configDefaults.networkMode
  const owner = plugins.find(({ networkModes }) => networkModes?.some((one) => one.mode === mode))
  const specs = owner?.networkModes?.find((one) => one.mode === mode)?.options ?? {}
  const row = (
    path: readonly string[],
    { written, fallback, plugin }: { written: unknown; fallback: unknown; plugin?: string },
  ): EffectiveValue => {
    const key = path.join('.')
    const line = written === undefined ? undefined : lineOf(path)
    if (line !== undefined) return { key, value: written, origin: { kind: 'file', line } }
    const origin: Origin = plugin === undefined ? { kind: 'default' } : { kind: 'plugin', plugin }
    return { key, value: fallback ?? null, origin }
  }
  return [
    row(['from'], { written: file.from, fallback: undefined }),
    row(['autostart'], { written: file.autostart, fallback: configDefaults.autostart }),
    row(['after'], { written: file.after, fallback: [] }),
    row(['mounts'], { written: file.mounts, fallback: [] }),
    row(['hostname'], { written: file.hostname, fallback: name }),
    row(['init'], { written: file.init, fallback: undefined }),
    row(['env'], { written: file.env, fallback: {} }),
    row(['stopTimeout'], { written: file.stopTimeout, fallback: configDefaults.stopTimeout }),
    row(['unify', 'exclude'], { written: file.unify?.exclude, fallback: [] }),
    row(['network', 'mode'], { written: file.network?.mode, fallback: mode }),
    ...Object.entries<OptionSpec>(specs).map(([key, spec]) =>
      row(['network', key], {
        written: file.network?.[key],
        fallback: spec.default,
        plugin: owner?.name ?? '',
      })
    ),
  ]
}

/** Finds the line, from 1, on which the value of a key starts. */
function lines(text: string): (path: readonly string[]) => number | undefined {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false })
  return (path) => {
    const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
    if (!isMap(parent)) return undefined
    const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
    const start = isNode(pair?.key) ? pair.key.range?.[0] : undefined
    return start === undefined ? undefined : counter.linePos(start).line
  }
}
