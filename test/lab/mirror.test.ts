/**
 * The mirror for machines: what it may keep.
 */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { isImmutable } from './mirror.ts'

const test = suite('isImmutable()')

test('is true of what is named by its content or version', () => {
  assert.ok(isImmutable('/pool/main/b/bash/bash_5.2.15-2_amd64.deb'))
  assert.ok(isImmutable(`/dists/trixie/main/binary-amd64/by-hash/SHA256/${'0'.repeat(64)}`))
})

test('is false of everything that changes under its name', () => {
  for (const path of ['/dists/trixie/InRelease', '/dists/trixie/main/binary-amd64/Packages.xz']) {
    assert.not.ok(isImmutable(path), path)
  }
})

test.run()
