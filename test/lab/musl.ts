/**
 * The host whose only C library is musl.
 *
 * @module
 */
import { copyFileSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository } from '../support/paths.ts'
import { run } from './places.ts'

const LOADER = '/lib/ld-musl-x86_64.so.1'

/** Adds musl to a tree, and an init that is linked with it. */
export async function muslTree(tree: string): Promise<void> {
  const loader = realpathSync(LOADER)
  mkdirSync(join(tree, 'lib'), { recursive: true })
  copyFileSync(loader, join(tree, 'lib/libc.musl-x86_64.so.1'))
  symlinkSync('libc.musl-x86_64.so.1', join(tree, LOADER))
  const source = inRepository('test/lab/musl-init.c')
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-s']
  await run('compile with musl', ['musl-gcc', ...flags, '-o', join(tree, 'sbin/init'), source])
}
