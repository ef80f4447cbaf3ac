/**
 * dpkg's database, as it is after dpkg has unpacked the packages. Pure.
 *
 * @module
 * @see dpkg(1), "Package states"; deb-triggers(5); dpkg's lib/dpkg/triglib.c for the triggers' files
 */
import { Buffer } from 'node:buffer'
import type { Entry } from '../../core/host/tree/entry.ts'
import { linesOf } from './deb822.ts'
import { madeDirectory, madeFile, type Unpacked } from './unpack.ts'

const home = 'var/lib/dpkg'

/** Fields that are dpkg's own, and never a package's. */
const ours = new Set([
  'status',
  'conffiles',
  'config-version',
  'triggers-pending',
  'triggers-awaited',
])

/** Scripts of a package are programs; everything else is data. */
const scripts = new Set(['preinst', 'postinst', 'prerm', 'postrm', 'config'])

/** Base name of a package's files: those of several architectures at once are told apart. */
export function infoName({ wanted, control }: Unpacked): string {
  const same = control.get('multi-arch')?.value === 'same'
  return same ? `${wanted.name}:${wanted.architecture}` : wanted.name
}

/** The stanza of `status`. */
export function statusStanza({ control, conffiles }: Unpacked): string {
  const lines: string[] = []
  for (const [key, { name, value }] of control) {
    if (ours.has(key)) continue
    lines.push(value.startsWith('\n') ? `${name}:${value}` : `${name}: ${value}`)
    if (key === 'package') lines.push('Status: install ok unpacked')
  }
  if (conffiles.length > 0) {
    lines.push('Conffiles:', ...conffiles.map(([path, md5]) => ` ${path} ${md5}`))
  }
  return `${lines.join('\n')}\n`
}

interface Interest {
  /** Absolute path of a file trigger, or name of an explicit one. */
  readonly name: string
  readonly by: string
}

/** What packages want to be told of. */
function interests(unpacked: Unpacked): readonly Interest[] {
  const text = Buffer.from(unpacked.files.get('triggers') ?? '').toString('utf8')
  return linesOf(text).flatMap((line) => {
    const [word = '', name = ''] = line.replace(/#.*/, '').trim().split(/\s+/)
    const match = /^interest(-await|-noawait)?$/.exec(word)
    if (match === null || name === '') return []
    const suffix = match[1] === '-noawait' ? '/noawait' : ''
    return [{ name, by: `${infoName(unpacked)}${suffix}` }]
  })
}

/** Names that a file may have in dpkg's directory of explicit triggers. */
const triggerName = /^[a-zA-Z0-9+._:-]+$/

/** The database's files. @param architecture the tree's */
export function databaseEntries(
  all: readonly Unpacked[],
  architecture: string,
): readonly Entry[] {
  const sorted = all.toSorted((a, b) => (a.wanted.name < b.wanted.name ? -1 : 1))
  const wanted = sorted.flatMap(interests)
  const paths = wanted.filter(({ name }) => name.startsWith('/'))
  const words = new Map<string, string[]>()
  for (const { name, by } of wanted) {
    if (triggerName.test(name)) words.set(name, [...(words.get(name) ?? []), by])
  }
  const info = sorted.flatMap((one): Entry[] => {
    const base = `${home}/info/${infoName(one)}`
    const list = Buffer.from(one.list.map((path) => `${path}\n`).join(''), 'latin1')
    const sums = Buffer.from(
      one.sums.map(([path, md5]) => `${md5}  ${path.slice(1)}\n`).join(''),
      'latin1',
    )
    return [
      madeFile(`${base}.list`, list),
      ...(sums.length === 0 ? [] : [madeFile(`${base}.md5sums`, sums)]),
      ...[...one.files].map(([name, bytes]) =>
        madeFile(`${base}.${name}`, bytes, scripts.has(name) ? 0o755 : 0o644)
      ),
    ]
  })
  return [
    ...['', '/info', '/updates', '/triggers', '/alternatives', '/parts']
      .map((name) => madeDirectory(`${home}${name}`)),
    madeFile(`${home}/arch`, `${architecture}\n`),
    madeFile(`${home}/status`, `${sorted.map(statusStanza).join('\n')}`),
    madeFile(`${home}/info/format`, '1\n'),
    madeFile(`${home}/triggers/File`, paths.map(({ name, by }) => `${name} ${by}\n`).join('')),
    madeFile(`${home}/triggers/Unincorp`, ''),
    madeFile(`${home}/triggers/Lock`, '', 0o600),
    ...[...words].map(([name, by]) =>
      madeFile(`${home}/triggers/${name}`, by.map((one) => `${one}\n`).join(''))
    ),
    ...info,
  ]
}

/** `extended_states` of apt: what came along only because others need it. Pure. */
export function automaticStates(
  all: readonly Unpacked[],
  { manual, architecture }: { manual: ReadonlySet<string>; architecture: string },
): string {
  return all.toSorted((a, b) => (a.wanted.name < b.wanted.name ? -1 : 1))
    .filter(({ wanted }) => !manual.has(wanted.name))
    .map(({ wanted: { name } }) =>
      `Package: ${name}\nArchitecture: ${architecture}\nAuto-Installed: 1\n\n`
    ).join('')
}
