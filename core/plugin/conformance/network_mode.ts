/**
 * What every network mode keeps to: pure steps in the programs that are a mode's, handles of its own.
 *
 * @module
 */
import { compileSteps, type Handles, type Step } from '../../context/step.ts'
import { readSourceOptions } from '../../guest/source_options.ts'
import { encode } from '../../plan/encode.ts'
import type { NetworkInput, NetworkMode, OptionSpec, OptionValues } from '../types.ts'
import { optionChecks } from './options.ts'
import { type ConformanceCheck, must } from './types.ts'

const roles: readonly string[] = ['HOST', 'GUEST', 'TEARDOWN']
const given: readonly string[] = ['initPid', 'initPidfd']

/** The suite of a network mode. */
export function networkModeChecks(mode: NetworkMode): readonly ConformanceCheck[] {
  const what = `mode "${mode.mode}"`
  const stepsOf = (name = 'web') => mode.steps(sampleInput(mode, name))
  const check = (name: string, run: () => void): ConformanceCheck => ({
    name: `${what}: ${name}`,
    run,
  })
  return [
    check('is named and described', () => {
      must(/^[a-z][a-z0-9-]*$/.test(mode.mode), `"${mode.mode}" is not made of a-z, 0-9 and "-"`)
      must(mode.doc !== '' && !mode.doc.includes('\n'), 'its doc is not one line')
    }),
    ...optionChecks(what, mode.options),
    check('gives steps of the programs HOST, GUEST and TEARDOWN, with phrases', () => {
      for (const { kind, role, phrase } of stepsOf()) {
        must(roles.includes(role), `a step runs in ${role}`)
        must(typeof kind === 'string' && kind !== '', 'a step has no kind')
        must(typeof phrase === 'string' && phrase !== '', 'a step has no phrase')
      }
    }),
    check('gives the same plan for the same input, and leaves the input alone', () => {
      const input = freeze(sampleInput(mode, 'web'))
      const [one, other] = [mode.steps(input), mode.steps(input)].map((steps) => bytesOf(steps))
      must(Buffer.compare(one ?? bytesOf([]), other ?? bytesOf([])) === 0, 'two plans differ')
    }),
    check(
      'leaves the namespaces of the host alone when it has one of its own, and vice versa',
      () => {
        const inGuest = stepsOf().filter(({ role }) => role === 'GUEST')
        must(
          mode.namespace === 'own' || inGuest.length === 0,
          'it has steps of GUEST, which would run in the network of the host',
        )
      },
    ),
    check(`uses handles that start with "${mode.mode}."`, () => {
      for (const name of handlesOf(stepsOf())) {
        must(
          given.includes(name) || name.startsWith(`${mode.mode}.`),
          `it uses the handle "${name}"`,
        )
      }
    }),
    check('undoes on TEARDOWN what it makes on the host', () => {
      const made = stepsOf().some(({ role }) => role === 'HOST')
      const undone = stepsOf().some(({ role }) => role === 'TEARDOWN')
      must(!made || undone, 'it has steps of HOST, but none of TEARDOWN')
    }),
    check('keeps guests apart: another guest, another plan', () => {
      if (!stepsOf().some(({ role }) => role === 'HOST')) return
      const host = (name: string) => stepsOf(name).filter(({ role }) => role === 'HOST')
      must(
        Buffer.compare(bytesOf(host('web')), bytesOf(host('db'))) !== 0,
        'two guests get the same steps of HOST',
      )
    }),
  ]
}

function sampleInput({ options = {}, mode }: NetworkMode, name: string): NetworkInput {
  const words = Object.entries(options)
    .filter(([, spec]) => spec.default === undefined && spec.optional !== true)
    .map(([key, spec]) => `${key}=${sampleOf(spec)}`)
  const values: OptionValues = readSourceOptions({ options, scheme: mode }, words)
  const first = name === 'web' ? 2_000_000_000 : 2_000_065_536
  const digest6 = name === 'web' ? '8a5eda' : '5ba93c'
  return { name, digest6, ids: { first, count: 65536 }, hostname: name, options: values }
}

/** A value for an option that must be given. */
function sampleOf(spec: OptionSpec): string {
  switch (spec.kind) {
    case 'boolean':
      return 'true'
    case 'choice':
      return spec.choices[0] ?? ''
    case 'number':
      return { size: '1M', count: '1', time: '1s', rate: '1Mbit/s', none: '1' }[spec.unit]
    case 'text':
    case 'list':
      return 'x'
    default:
      return spec satisfies never
  }
}

function bytesOf(steps: readonly Step[]): Uint8Array {
  return encode(compileSteps('web', steps))
}

/** Names of the handles that steps ask for, while they are compiled. */
function handlesOf(steps: readonly Step[]): ReadonlySet<string> {
  const names = new Set<string>()
  const watched = steps.map((step): Step => ({
    ...step,
    emit(program, handles) {
      const watch = <T>(ask: (name: string) => T) => (name: string): T => {
        names.add(name)
        return ask(name)
      }
      const own: Handles = {
        ref: watch(handles.ref),
        slot: watch(handles.slot),
        gate: watch(handles.gate),
      }
      step.emit(program, own)
    },
  }))
  compileSteps('web', watched)
  return names
}

function freeze(input: NetworkInput): NetworkInput {
  Object.freeze(input.options)
  Object.freeze(input.ids)
  return Object.freeze(input)
}
