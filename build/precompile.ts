/**
 * Makes V8's code cache of scripts, with every function compiled: what a lazy compiler would leave out is
 * what a verb then compiles at run time. Run by the very Node that is carried, for V8 takes a cache of its
 * own version and flags only.
 *
 *     node build/precompile.ts NAME.js…    writes NAME.cache beside each
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'

for (const path of process.argv.slice(2)) {
  // Flags are part of what V8 compares: they are as they were before the cache is written.
  setFlagsFromString('--no-lazy')
  const script = new Script(readFileSync(path, 'latin1'), { filename: basename(path) })
  setFlagsFromString('--lazy')
  writeFileSync(path.replace(/\.js$/, '.cache'), script.createCachedData())
}
