/**
 * The scripts of the built file: V8 takes the code caches that the build made.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { runFile, scratch } from './run-file.ts'

const test = suite('scripts', { needs: ['root', 'vserver'] })

const commands: readonly (readonly string[])[] = [
  ['--version'],
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

test.run()
