import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { digestFiles } from '../../core/unify/digest.ts'
import { findEqual, type Known } from '../../core/unify/match.ts'
import type { FileNode } from '../../core/unify/tree.ts'
import { suite } from '../support/suite.ts'

const test = suite('findEqual()')

test('groups what has the same size, metadata and content, and reads nothing else', async ({ cleanup }) => {
  const path = mkdtempSync(join(tmpdir(), 'vserver-match-'))
  cleanup(() => rmSync(path, { recursive: true }))
  const tree = { id: 't', path, writable: false, excludes: [] }
  const file = (name: string, content: string | Buffer, meta = 'm'): FileNode => {
    writeFileSync(join(path, name), content)
    const { ino, size } = statSync(join(path, name))
    return {
      ...{
        ino,
        size,
        blocks: 8,
        mtimeSec: 0,
        mtimeNsec: 0,
        ctimeSec: 0,
        ctimeNsec: 0,
        uid: 0,
        gid: 0,
      },
      ...{ mode: 0o100644, nlink: 1, flags: 0, xattrBytes: 0, meta, digest: undefined },
      ...{ names: [{ tree, directory: '', mtimeSec: 0, mtimeNsec: 0, name }] },
      ...{ writable: false, object: undefined },
    }
  }
  const big = Buffer.alloc(3 << 20, 1)
  const files = [
    ...[file('a', 'same'), file('b', 'same'), file('c', 'else'), file('d', 'same', 'other')],
    ...[file('e', ''), file('f', ''), file('big1', big), file('big2', big), file('alone', 'xx')],
  ]
  big[1_500_000] = 2
  files.push(file('big3', big))
  const gone = file('gone', 'same')
  rmSync(join(path, 'gone'))
  const grown = file('grown', 'same')
  writeFileSync(join(path, 'grown'), 'same and more')
  const link = file('link', 'same')
  rmSync(join(path, 'link'))
  symlinkSync('a', join(path, 'link'))
  const old = (name: string, digest: Uint8Array | null): Known => ({
    row: {
      ...{
        ino: 99,
        size: 4,
        blocks: 8,
        meta: 'm',
        mtimeSec: 0,
        mtimeNsec: 0,
        digest,
        object: null,
      },
    },
    ...{ path: join(path, name), names: [], digest: undefined },
  })
  const known = [old('a', null), old('a', new Uint8Array(32))]
  const equal = await findEqual({
    files: [...files, gone, grown, link],
    knownOfSize: (size) => (size === 4 ? known : []),
    progress: () => undefined,
  })
  const named = equal.map(({ files }) => files.map(({ names: [name] }) => name?.name).sort().join())
  assert.equal(named.sort(), ['a,b', 'big1,big2', 'e,f'])
  assert.equal(equal.flatMap((group) => group.known), [known[0]])
  assert.is(known[1]?.digest, undefined, 'what was something else is not read again')
  assert.is(files.find(({ names: [name] }) => name?.name === 'alone')?.digest, undefined)
  assert.equal([gone.digest, grown.digest, link.digest], ['ENOENT', 'ESTALE', 'ELOOP'])
})

test('digestFiles() gives digests in order, in threads as well', async ({ cleanup }) => {
  const path = mkdtempSync(join(tmpdir(), 'vserver-digest-'))
  cleanup(() => rmSync(path, { recursive: true }))
  const files = Array.from({ length: 600 }, (_, i) => {
    writeFileSync(join(path, String(i)), String(i % 7))
    return { path: join(path, String(i)), size: 1 }
  })
  const digests = await digestFiles([...files, { path: join(path, 'no'), size: 1 }])
  const few = await digestFiles(files.slice(0, 7))
  files.forEach((_, i) => assert.equal(digests[i], few[i % 7]))
  assert.is(digests[600], 'ENOENT')
  symlinkSync('0', join(path, 'link'))
  const careful = [...files, { path: join(path, 'link'), size: 1 }, { path: '/dev/null', size: 0 }]
    .map((file, i) => ({ ...file, careful: i % 3 > 0 || i >= 600 }))
  for (const some of [careful, careful.slice(500)]) {
    const found = await digestFiles(some)
    assert.equal(found.slice(-2), ['ESTALE', 'ESTALE'])
    assert.equal(found.slice(0, -2), digests.slice(-some.length + 1, -1))
  }
})

test.run()
