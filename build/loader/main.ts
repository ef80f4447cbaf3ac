/**
 * The main script of the single executable application: it loads the program from the assets.
 *
 * @module
 */
import process from 'node:process'
import { makeLoader } from './load.ts'

/** The pack of each module: put in by `build/bundle.ts`. */
declare const VSERVER_PACKS: Readonly<Record<string, string>>

const { getRawAsset } = process.getBuiltinModule('node:sea')

makeLoader({
  packOf: VSERVER_PACKS,
  asset: (name) => getRawAsset(name),
  builtin: (name) => process.getBuiltinModule(name),
  refused(script) {
    if ((process.env['VSERVER_DEBUG'] ?? '') === '') return
    console.error(`vserver: the code cache of ${script}.js was refused`)
  },
})('./front.js')
