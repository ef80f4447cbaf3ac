/**
 * `--from dir:PATH`: a template from a directory tree of the host, copied exactly.
 *
 * @module
 */
import type { Bootstrapper, Plugin } from '../../core/plugin/types.ts'

const bootstrapper: Bootstrapper = {
  scheme: 'dir',
  doc: 'a directory that holds a root file system; mount points in it are copied empty',
  // What does the work is loaded when there is work.
  id: async (source, context) => await (await import('./make.ts')).id(source, context),
  make: async (source, destination, context) =>
    await (await import('./make.ts')).make(source, destination, context),
}

export default { name: 'bootstrap-dir', api: 1, bootstrappers: [bootstrapper] } satisfies Plugin
