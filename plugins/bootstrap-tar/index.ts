/**
 * `--from tar:FILE`: a template from an archive, plain or compressed with gzip, xz or zstd.
 *
 * @module
 */
import type { Bootstrapper, Plugin } from '../../core/plugin/types.ts'

const bootstrapper: Bootstrapper = {
  scheme: 'tar',
  doc: 'a tar archive that holds a root file system, plain or compressed (gz, xz, zst)',
  // What does the work is loaded when there is work.
  id: async (source, context) => await (await import('./make.ts')).id(source, context),
  make: async (source, destination, context) =>
    await (await import('./make.ts')).make(source, destination, context),
}

export default { name: 'bootstrap-tar', api: 1, bootstrappers: [bootstrapper] } satisfies Plugin
