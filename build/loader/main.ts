/**
 * The main script of the single executable application: it loads the program from the assets.
 *
 * @module
 */
import process from 'node:process'
import { makeLoader } from './load.ts'

/** The pack of each chunk, and the chunk to begin with: put in by `build/bundle.ts`. */
declare const VSERVER_PACKS: Readonly<Record<string, string>>
declare const VSERVER_ENTRY: string

const { getRawAsset } = process.getBuiltinModule('node:sea')

makeLoader({
  packOf: VSERVER_PACKS,
  asset: (name) => getRawAsset(name),
  builtin: (name) => process.getBuiltinModule(name),
  refused(pack) {
    if ((process.env['VSERVER_DEBUG'] ?? '') === '') return
    console.error(`vserver: the code cache of ${pack} was refused`)
  },
})(VSERVER_ENTRY)
