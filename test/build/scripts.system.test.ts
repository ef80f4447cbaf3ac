/**
 * The scripts of the built file: V8 takes the code caches that the build made.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from '../support/suite.ts'
import { runFile, scratch } from './run-file.ts'

const test = suite('scripts', { needs: ['root', 'vserver', 'tar', 'xz', 'zstd'] })

const commands: readonly (readonly string[])[] = [
  ['--quiet', '--version'],
  ['clone', 'absent', 'new'],
  ['create', 'new', '--from', 'dir:/nonexistent'],
  ['explain', '--schema'],
]

for (const command of commands) {
  test(`have usable code caches: ${command.join(' ')}`, ({ cleanup }) => {
    const root = scratch(cleanup)
    const { stderr } = runFile(command, { root, env: { VSERVER_DEBUG: '1' } })
    assert.not.match(stderr, /code cache/)
  })
}

for (const compression of ['gzip', 'zstd', 'xz']) {
  test(`decompress ${compression}`, ({ cleanup }) => {
    const root = scratch(cleanup)
    const archive = join(root, 'tree.tar')
    const tree = join(root, 'tree')
    mkdirSync(join(tree, 'sbin'), { recursive: true })
    writeFileSync(join(tree, 'sbin/init'), '#!/bin/sh\n', { mode: 0o755 })
    execFileSync('tar', [`--${compression}`, '-C', tree, '-cf', archive, '.'])
    const made = runFile(['create', 'guest', '--from', `tar:${archive}`], { root })
    assert.is(made.code, 0, made.stderr)
    const destroyed = runFile(['destroy', 'guest', '--yes'], { root })
    assert.is(destroyed.code, 0, destroyed.stderr)
  })
}

test.run()
