/**
 * `--from debian:SUITE`: a template from Debian's archive: signed release file, packages by digest,
 * unpacked and configured without any program of the host.
 *
 * @module
 */
import type { Bootstrapper, Plugin } from '../../core/plugin/types.ts'

const bootstrapper: Bootstrapper = {
  scheme: 'debian',
  doc: 'a Debian suite from a mirror: bullseye, bookworm, trixie or sid',
  options: {
    mirror: {
      kind: 'text',
      doc: 'address of the mirror; without it the one of the host’s own apt sources',
      pattern: /^https?:\/\/[^\s]+$/,
      optional: true,
    },
    securityMirror: {
      kind: 'text',
      doc: 'address of the security archive, or "none"',
      pattern: /^(https?:\/\/[^\s]+|none)$/,
      optional: true,
    },
    include: {
      kind: 'list',
      doc: 'packages to add',
      pattern: /^[a-z0-9][a-z0-9+.-]*$/,
      default: [],
    },
    updates: { kind: 'boolean', doc: 'use the suite SUITE-updates too', default: true },
    allowExpired: {
      kind: 'boolean',
      doc: 'accept a release file whose Valid-Until has passed',
      default: false,
    },
    keyring: {
      kind: 'text',
      doc: 'file of OpenPGP keys to trust instead of Debian’s',
      pattern: /^\/[^\0]+$/,
      optional: true,
    },
    stallTimeout: {
      kind: 'number',
      unit: 'time',
      doc: 'how long a transfer may stand still',
      default: '30s',
      min: 100,
    },
    configureTimeout: {
      kind: 'number',
      unit: 'time',
      doc: 'how long configuring the packages may take',
      default: '15m',
      min: 1000,
    },
  },
  async pinned(source, context) {
    return (await import('./pins.ts')).pinned(source, context)
  },
  async id(source, context) {
    return await (await import('./make.ts')).id(source, context)
  },
  async make(source, destination, context) {
    await (await import('./make.ts')).make(source, destination, context)
  },
}

export default { name: 'bootstrap-debian', api: 1, bootstrappers: [bootstrapper] } satisfies Plugin
