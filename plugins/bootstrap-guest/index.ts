/**
 * `--from guest:NAME[@SNAPSHOT]`: a template that is a full copy of another guest, with everything that it
 * has written, or had when the snapshot was made. `vserver clone` shares the files instead.
 *
 * @module
 */
import type { Bootstrapper, Plugin } from '../../core/plugin/types.ts'

const bootstrapper: Bootstrapper = {
  scheme: 'guest',
  doc:
    'a stopped guest or a snapshot (NAME@SNAPSHOT), copied in full; vserver clone makes one that shares its files',
  // What does the work is loaded when there is work.
  id: async (name, context) => await (await import('./make.ts')).id(name, context),
  make: async (name, destination, context) =>
    await (await import('./make.ts')).make(name, destination, context),
}

export default { name: 'bootstrap-guest', api: 1, bootstrappers: [bootstrapper] } satisfies Plugin
