/**
 * Archives of packages made by the tests, signed with a key of theirs.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { createCleartextMessage, createMessage, generateKey, type PrivateKey, sign } from 'openpgp'
import { controlText, deb, type PackageSpec } from './deb.ts'

export interface Key {
  readonly secret: PrivateKey
  /** Armoured. */
  readonly public: string
}

export async function makeKey(name = 'Archive of a test'): Promise<Key> {
  const { privateKey, publicKey } = await generateKey({
    userIDs: [{ name, email: 'nobody@example.org' }],
    format: 'object',
    date: new Date(Date.now() - 3_600_000),
  })
  return { secret: privateKey, public: publicKey.armor() }
}

export interface Publication {
  readonly suite?: string
  /** What the release file says, when it is something else. */
  readonly codename?: string
  readonly packages: readonly PackageSpec[]
  readonly date?: Date
  readonly validUntil?: Date
  readonly key: Key
  /** `inline` for InRelease alone, `detached` for Release and Release.gpg. */
  readonly signature?: 'inline' | 'detached'
  /** Changes the index before it is signed. */
  readonly index?: (text: string) => string
  /** Replaces the bytes of packages, by name, before they are listed. */
  readonly debs?: Readonly<Record<string, Buffer>>
  /** Index files, `gz` and `xz` being what a mirror has. */
  readonly compressions?: readonly ('gz')[]
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** All files of an archive by path. */
export async function publish(publication: Publication): Promise<Map<string, Buffer>> {
  const { suite = 'trixie', packages, key, date = new Date(), debs = {} } = publication
  const files = new Map<string, Buffer>()
  const stanzas = packages.map((spec) => {
    const bytes = debs[spec.name] ?? deb(spec)
    const path = `pool/main/${spec.name}_${spec.version ?? '1'}_amd64.deb`
    files.set(path, bytes)
    const more = [`Filename: ${path}`, `Size: ${bytes.length}`, `SHA256: ${sha256(bytes)}`]
    return `${controlText(spec).trimEnd()}\n${more.join('\n')}\n`
  })
  const text = (publication.index ?? ((same: string) => same))(stanzas.join('\n'))
  const index = gzipSync(Buffer.from(text))
  const place = `dists/${suite}`
  const name = 'main/binary-amd64/Packages.gz'
  files.set(`${place}/${name}`, index)
  const release = [
    'Origin: Test',
    `Suite: ${publication.codename ?? suite}`,
    `Codename: ${publication.codename ?? suite}`,
    `Date: ${date.toUTCString()}`,
    ...(publication.validUntil === undefined
      ? []
      : [`Valid-Until: ${publication.validUntil.toUTCString()}`]),
    'Architectures: amd64',
    'Components: main',
    'SHA256:',
    ` ${sha256(index)} ${index.length} ${name}`,
    '',
  ].join('\n')
  const signingKeys = key.secret
  if (publication.signature === 'detached') {
    const message = await createMessage({ binary: new Uint8Array(Buffer.from(release)) })
    const signature = await sign({ message, signingKeys, detached: true })
    files.set(`${place}/Release`, Buffer.from(release))
    files.set(`${place}/Release.gpg`, Buffer.from(signature))
  } else {
    const message = await createCleartextMessage({ text: release })
    files.set(`${place}/InRelease`, Buffer.from(await sign({ message, signingKeys })))
  }
  return files
}
