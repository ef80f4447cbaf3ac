/**
 * Declared options, of whatever kind of contribution. Pure.
 *
 * @module
 */
import { readSourceOptions } from '../../guest/source_options.ts'
import type { OptionSpecs } from '../types.ts'
import { type ConformanceCheck, must } from './types.ts'

/** @param what names the contribution: `mode "host"` */
export function optionChecks(what: string, specs: OptionSpecs = {}): readonly ConformanceCheck[] {
  return Object.entries(specs).map(([key, spec]) => ({
    name: `${what}: option "${key}" has a name, a line of help and a default that it accepts`,
    run() {
      must(/^[a-z][A-Za-z0-9]*$/.test(key), `"${key}" is not written like stopTimeout`)
      must(typeof spec.doc === 'string' && spec.doc !== '', 'its doc is empty')
      must(!spec.doc.includes('\n'), 'its doc has more than one line')
      if (spec.kind === 'choice') {
        must(spec.choices.length > 0, 'it has no choices')
        const fallback = spec.default ?? spec.choices[0] ?? ''
        must(spec.choices.includes(fallback), `its default "${fallback}" is no choice`)
      }
      if (spec.default === undefined) return
      const written = Array.isArray(spec.default) ? spec.default.join(',') : String(spec.default)
      readSourceOptions({ options: { [key]: spec }, scheme: what }, [`${key}=${written}`])
    },
  }))
}
