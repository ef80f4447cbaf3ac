/**
 * What every bootstrapper keeps to.
 *
 * @module
 */
import { lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { VServerError } from '../../errors.ts'
import type { BootstrapContext, Bootstrapper } from '../types.ts'
import { optionChecks } from './options.ts'
import { type ConformanceCheck, must } from './types.ts'

export interface BootstrapTrial {
  /** A source that can be used; without one only what is declared is looked at. */
  readonly source: string | undefined
  /** Empty directory, root's own, for trees that are made. */
  readonly scratch: string
  readonly context: BootstrapContext
}

/** The suite of a bootstrapper. */
export function bootstrapperChecks(
  bootstrapper: Bootstrapper,
  { source, scratch, context }: BootstrapTrial,
): readonly ConformanceCheck[] {
  const { scheme, doc, options } = bootstrapper
  const what = `bootstrapper "${scheme}"`
  const check = (name: string, run: () => Promise<void> | void): ConformanceCheck => ({
    name: `${what}: ${name}`,
    run,
  })
  const declared = [
    check('is named and described', () => {
      must(/^[a-z][a-z0-9-]*$/.test(scheme), 'its scheme is not made of a-z, 0-9 and "-"')
      must(doc !== '' && !doc.includes('\n'), 'its doc is not one line')
    }),
    ...optionChecks(what, options),
    check('refuses a source that is none, with an error of E_SOURCE', async () => {
      for (const none of ['', '/nonexistent/vserver', '\x01']) {
        try {
          await bootstrapper.id(none, context)
        } catch (error) {
          const code = error instanceof Error && 'code' in error ? error.code : undefined
          must(
            error instanceof VServerError || code === 'E_SOURCE',
            `for ${JSON.stringify(none)} it throws ${String(error)}`,
          )
          continue
        }
        throw new Error(`it takes ${JSON.stringify(none)} for a source`)
      }
    }),
  ]
  if (source === undefined) return declared
  const make = async (name: string, given: BootstrapContext): Promise<string> => {
    const destination = join(scratch, name)
    mkdirSync(destination, { mode: 0o755 })
    await bootstrapper.make(source, destination, given)
    return destination
  }
  return [
    ...declared,
    check('gives one id for one source, which can be a name of a directory', async () => {
      const id = await bootstrapper.id(source, context)
      must(/^[a-z0-9.-]+-[0-9a-f]{12}$/.test(id), `"${id}" is not <words>-<12 hex digits>`)
      must(id === await bootstrapper.id(source, context), 'the same source has another id now')
    }),
    check('fills the directory that it is given', async () => {
      const destination = await make('one', context)
      must(readdirSync(destination).length > 0, 'it is empty')
      const { uid, mode } = lstatSync(destination)
      must(uid === 0 && (mode & 0o022) === 0, 'its root can be written by others than root')
    }),
    check('makes the same names again', async () => {
      const [one, other] = [join(scratch, 'one'), await make('two', context)].map((path) =>
        readdirSync(path, { recursive: true, encoding: 'utf8' }).toSorted().join('\n')
      )
      must(one === other, 'two trees of one source differ')
    }),
    check('stops when it is told to', async () => {
      const aborted = { ...context, signal: AbortSignal.abort() }
      const outcome = await make('three', aborted).then(() => 'done', () => 'stopped')
      must(outcome === 'stopped', 'it went on')
    }),
  ]
}
