/**
 * The keys of guest.yaml, for people. A test compares it with the schema. Pure.
 *
 * @module
 */
import type { NetworkMode } from '../plugin/types.ts'
import { configDefaults } from './config.ts'
import { unitExpected } from './units.ts'

export interface KeyDoc {
  readonly key: string
  readonly value: string
  readonly fallback: string
  readonly doc: string
}

/** Every key of the foundation. */
export const keyDocs: readonly KeyDoc[] = [
  {
    key: 'from',
    value: '`SCHEME:SOURCE`',
    fallback: '–',
    doc: 'what the guest was made from; changing it changes nothing',
  },
  {
    key: 'autostart',
    value: 'true or false',
    fallback: String(configDefaults.autostart),
    doc: 'start it when the host boots',
  },
  {
    key: 'after',
    value: 'list of guests',
    fallback: 'none',
    doc: 'where one command starts these too, it starts them first',
  },
  {
    key: 'mounts',
    value: 'list of mappings',
    fallback: 'none',
    doc: 'directories and files of the host that are visible inside (`nosuid`, `nodev`)',
  },
  { key: 'mounts[].source', value: 'absolute path', fallback: '–', doc: 'on the host' },
  {
    key: 'mounts[].target',
    value: 'absolute path',
    fallback: '–',
    doc: 'inside; not `/`, not in `/proc`, `/sys`, `/dev`',
  },
  {
    key: 'mounts[].readOnly',
    value: 'true or false',
    fallback: 'false',
    doc: 'whether the guest may only read it',
  },
  { key: 'hostname', value: 'host name', fallback: "the guest's name", doc: 'its host name' },
  {
    key: 'init',
    value: 'path, or list of path and arguments',
    fallback: 'the first init found',
    doc: 'the first program, pid 1 inside',
  },
  {
    key: 'env',
    value: 'mapping of names to texts',
    fallback: 'none',
    doc: 'environment of the init and of `exec` and `enter`',
  },
  {
    key: 'stopTimeout',
    value: 'time',
    fallback: configDefaults.stopTimeout,
    doc: 'how long `stop` waits for the init before it kills',
  },
  {
    key: 'unify.exclude',
    value: 'list of absolute paths',
    fallback: 'none',
    doc: 'inside; `unify` leaves them alone (`*`: any part of a name)',
  },
  {
    key: 'network.mode',
    value: 'name of a mode',
    fallback: configDefaults.networkMode,
    doc: 'how the guest is connected',
  },
]

/** Keys that network modes add, beside `mode`. */
export function modeKeyDocs(modes: readonly NetworkMode[]): readonly KeyDoc[] {
  return modes.flatMap(({ mode, options }) =>
    Object.entries(options ?? {}).map(([key, spec]) => ({
      key: `network.${key}`,
      value: spec.kind === 'number' && spec.unit !== 'none' ? unitExpected(spec.unit) : spec.kind,
      fallback: spec.default === undefined ? '–' : String(spec.default),
      doc: `mode ${mode}: ${spec.doc}`,
    }))
  )
}

/** Every key that can be written, or has such keys below it: `network`, `network.mode`. Pure. */
export function knownKeys(modes: readonly NetworkMode[]): readonly string[] {
  const keys = [...keyDocs, ...modeKeyDocs(modes)].map(({ key }) => key)
    .filter((key) => !key.includes('[]'))
  return [...new Set(keys.flatMap((key) => [key.split('.')[0] ?? key, key]))]
}

/** The README's table of keys, between `<!-- keys -->` and `<!-- /keys -->`. */
export function renderKeyTable(modes: readonly NetworkMode[]): string {
  const rows = [...keyDocs, ...modeKeyDocs(modes)].map(({ key, value, fallback, doc }) =>
    `| \`${key}\` | ${value} | ${fallback} | ${doc} |`
  )
  return ['| key | value | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
