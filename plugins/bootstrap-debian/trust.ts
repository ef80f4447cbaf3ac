/**
 * Which certificate authorities a mirror over HTTPS may be vouched for by: those that the runtime carries,
 * and those that the host trusts, such as a company's own.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'

/** Where distributions keep the bundle of what the host trusts: Debian, Fedora, openSUSE, Alpine. */
export const hostBundles: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** Certificates in PEM. A bundle that is not there adds nothing; the first that is there counts. */
export function trustedAuthorities(bundles: readonly string[] = hostBundles): readonly string[] {
  for (const path of bundles) {
    try {
      return [...rootCertificates, readFileSync(path, 'utf8')]
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }
  return rootCertificates
}
