/**
 * Debian packages made by hand. Pure.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { gzipSync } from 'node:zlib'
import { type Fields, tarball, tarMember } from '../../tree/tarball.ts'

export interface PackageSpec {
  readonly name: string
  readonly version?: string
  /** Further fields of the control file, `Depends: x` a line. */
  readonly fields?: readonly string[]
  /** Control files by name: `postinst` and the like. */
  readonly control?: Readonly<Record<string, string>>
  /** Members of the tree, after the root. */
  readonly data?: readonly (Fields | Buffer)[]
}

/** One member of an ar archive. */
export function arMember(name: string, data: Buffer): Buffer {
  const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}` +
    `${'100644'.padEnd(8)}${String(data.length).padEnd(10)}\`\n`
  return Buffer.concat([Buffer.from(header), data, Buffer.alloc(data.length % 2, '\n')])
}

export function controlText({ name, version = '1', fields = [] }: PackageSpec): string {
  return [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: amd64',
    'Maintainer: Nobody <nobody@example.org>',
    ...fields,
    `Description: ${name} of a test`,
    '',
  ].join('\n')
}

/** A file of the tree. */
export function file(name: string, data: string | Buffer, mode = 0o644): Fields {
  return { name, data, mode: `${mode.toString(8).padStart(7, '0')}\0` }
}

/** A directory of the tree. */
export function directory(name: string, mode = 0o755): Fields {
  return { name: `${name}/`, type: '5', mode: `${mode.toString(8).padStart(7, '0')}\0` }
}

/** A symbolic link of the tree. */
export function link(name: string, target: string): Fields {
  return { name, type: '2', link: target, mode: '0000777\0' }
}

/** An archive of several parts, compressed with gzip. */
export function deb(spec: PackageSpec): Buffer {
  const control = Object.entries(spec.control ?? {}).map(([name, data]) =>
    file(`./${name}`, data, 0o755)
  )
  return debOf(
    tarball(directory('.'), file('./control', controlText(spec)), ...control),
    tarball(directory('.'), ...(spec.data ?? [])),
  )
}

/** A package of two tar archives. */
export function debOf(control: Buffer, data: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    arMember('debian-binary', Buffer.from('2.0\n')),
    arMember('control.tar.gz', gzipSync(control, { level: 1 })),
    arMember('data.tar.gz', gzipSync(data, { level: 1 })),
  ])
}

export { tarball, tarMember }
