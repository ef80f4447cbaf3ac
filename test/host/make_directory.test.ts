import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeDirectories } from '../../core/host/make_directory.ts'
import { suite, type TestContext } from '../support/suite.ts'

const test = suite('makeDirectories()')

function place({ cleanup }: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vserver-directory-'))
  cleanup(() => rmSync(path, { recursive: true }))
  return path
}

test('makes all that is missing, with the mode', (context) => {
  const path = join(place(context), 'a/b/c')
  for (let i = 0; i < 2; i++) makeDirectories(path, 0o700)
  for (const one of [path, join(path, '..'), join(path, '../..')]) {
    assert.is(statSync(one).mode & 0o7777, 0o700)
  }
})

test('tells why it cannot', (context) => {
  const path = place(context)
  writeFileSync(join(path, 'file'), '')
  symlinkSync('nowhere', join(path, 'link'))
  for (
    const [name, code] of [
      ['file', 'EEXIST'],
      ['file/below', 'ENOTDIR'],
      ['link', 'ENOENT'],
      ['link/below', 'ENOENT'],
    ] as const
  ) {
    try {
      makeDirectories(join(path, name), 0o700)
      assert.unreachable(name)
    } catch (error) {
      assert.is(error instanceof Error && 'code' in error && error.code, code, name)
    }
  }
})

test.run()
