import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { fileSource } from '../../core/host/tree/bytes.ts'
import { suite } from '../support/suite.ts'
import { readAll } from './read.ts'
import { type Fields, paxHeader, tarball, tarMember } from './tarball.ts'

const test = suite('readTar()')

const one = async (...members: (Fields | Buffer)[]) => {
  const [first] = await readAll(tarball(...members))
  if (first === undefined) throw new Error('the archive is empty')
  return first
}

test('reads every kind of member', async () => {
  const all = await readAll(tarball(
    { name: './', type: '5', mode: '0000755\0', mtime: '00000000010' },
    { name: './bin/su', mode: '0004755\0', uid: '0000001\0', gid: '0000002\0', data: 'hello' },
    { name: 'bin/sh', type: '2', link: '../usr/bin/dash' },
    { name: 'bin/hard', type: '1', link: './bin/su' },
    { name: 'dev/null', type: '3', major: '0000001\0', minor: '0000003\0' },
    { name: 'dev/sda', type: '4', major: '0000010\0', minor: '0000000\0' },
    { name: 'pipe', type: '6' },
    { name: 'old-directory/', type: '\0', magic: '\0' },
  ))
  assert.equal(all.map(({ entry }) => `${entry.kind} ${entry.path}`), [
    'directory ',
    'file bin/su',
    'symlink bin/sh',
    'hardlink bin/hard',
    'char dev/null',
    'block dev/sda',
    'fifo pipe',
    'directory old-directory',
  ])
  const su = all[1]
  assert.is(su?.data, 'hello')
  if (su?.entry.kind !== 'file') throw new Error('not a file')
  assert.is(su.entry.mode, 0o4755)
  assert.equal([su.entry.uid, su.entry.gid, su.entry.size], [1, 2, 5])
  const nodes = all.slice(4, 6).map(({ entry }) => 'major' in entry && [entry.major, entry.minor])
  assert.equal(nodes, [[1, 3], [8, 0]])
  const links = all.slice(2, 4).map(({ entry }) => 'target' in entry && entry.target)
  assert.equal(links, ['../usr/bin/dash', 'bin/su'])
})

test('takes names from prefix, GNU long names and pax headers', async () => {
  const long = 'd/'.repeat(100) + 'x'.repeat(200)
  const gnu = { magic: 'ustar  \0' }
  const all = await readAll(tarball(
    { name: 'name', prefix: 'some/prefix' },
    { ...gnu, name: '././@LongLink', type: 'L', data: `${long}\0` },
    { ...gnu, name: '././@LongLink', type: 'K', data: `${long}y\0` },
    { ...gnu, name: long.slice(0, 100), type: '2', link: long.slice(0, 100) },
    paxHeader([['path', 'n\xff\xfea\nme'], ['linkpath', 't\x80']]),
    { type: '2', link: 'short' },
  ))
  assert.is(all[0]?.entry.path, 'some/prefix/name')
  assert.is(all[1]?.entry.path, long)
  assert.is(all[1]?.entry.kind === 'symlink' && all[1].entry.target, `${long}y`)
  assert.is(all[2]?.entry.path, 'n\xff\xfea\nme')
  assert.is(all[2]?.entry.kind === 'symlink' && all[2].entry.target, 't\x80')
})

test('reads base-256 numbers and times before 1970', async () => {
  const { entry } = await one({
    uid: '\x80\0\0\0\x77\x35\x94\0',
    mtime: '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe',
  })
  assert.is('uid' in entry && entry.uid, 2_000_000_000)
  assert.is('mtimeNs' in entry && entry.mtimeNs, -2_000_000_000n)
})

test('reads times in nanoseconds, ids and sizes from pax headers', async () => {
  for (
    const [text, ns] of [
      ['1.5', 1_500_000_000n],
      ['-1.25', -1_250_000_000n],
      ['7', 7_000_000_000n],
      ['3.1234567891', 3_123_456_789n],
    ] as const
  ) {
    const { entry, data } = await one(
      paxHeader([['mtime', text], ['uid', '4294967294'], ['gid', '70000'], ['size', '3']]),
      { size: '00000000000', data: 'abc' },
    )
    if (entry.kind !== 'file') throw new Error('not a file')
    assert.equal([entry.mtimeNs, entry.uid, entry.gid, data], [ns, 4294967294, 70000, 'abc'])
  }
})

test("keeps xattrs as bytes and leaves the host's own out", async () => {
  const binary = '\x01\0\0\x02\n=\xff'
  const { entry } = await one(
    paxHeader([
      ['SCHILY.xattr.security.capability', binary],
      ['SCHILY.xattr.user.empty', ''],
      ['SCHILY.xattr.trusted.overlay.opaque', 'y'],
      ['SCHILY.xattr.security.selinux', 'x'],
      ['RHT.security.selinux', 'x'],
      ['LIBARCHIVE.xattr.user.a%20b', 'AP8='],
    ]),
    {},
  )
  const xattrs = 'xattrs' in entry ? entry.xattrs : []
  const shown = xattrs.map(({ name, value }) => [name, Buffer.from(value).toString('latin1')])
  assert.equal(shown.sort(), [
    ['security.capability', binary],
    ['user.a b', '\0\xff'],
    ['user.empty', ''],
  ])
})

test('applies global headers until they change, local ones once', async () => {
  const all = await readAll(tarball(
    paxHeader([['uid', '5'], ['mtime', '9']], 'g'),
    paxHeader([['uid', '6']]),
    { name: 'a' },
    { name: 'b' },
  ))
  assert.equal(all.map(({ entry }) => 'uid' in entry && [entry.uid, entry.mtimeNs]), [
    [6, 9_000_000_000n],
    [5, 9_000_000_000n],
  ])
})

test('reads all sparse formats', async () => {
  const octal = (value: number) => value.toString(8).padStart(11, '0') + '\0'
  const old = tarMember({
    magic: 'ustar  \0',
    type: 'S',
    data: 'AAAABB',
    raw: [[386, octal(512) + octal(4) + octal(1024) + octal(2)], [483, octal(5000)]],
  })
  const pax = (version: readonly (readonly [string, string])[], data: string) =>
    Buffer.concat([
      paxHeader([['GNU.sparse.name', 'sparse'], ...version]),
      tarMember({ name: 'GNUSparseFile.1/sparse', data }),
    ])
  const map = '2\n512\n4\n1024\n2\n'.padEnd(512, '\0')
  const archives = [
    old,
    pax([
      ['GNU.sparse.size', '5000'],
      ['GNU.sparse.numblocks', '2'],
      ['GNU.sparse.offset', '512'],
      ['GNU.sparse.numbytes', '4'],
      ['GNU.sparse.offset', '1024'],
      ['GNU.sparse.numbytes', '2'],
    ], 'AAAABB'),
    pax([['GNU.sparse.size', '5000'], ['GNU.sparse.map', '512,4,1024,2']], 'AAAABB'),
    pax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '5000'],
    ], `${map}AAAABB`),
  ]
  for (const archive of archives) {
    const all = await readAll(tarball(archive, { name: 'after' }))
    const [first, second] = all
    if (first?.entry.kind !== 'file') throw new Error('not a file')
    assert.equal([first.entry.size, first.data, first.runs], [5000, 'AAAABB', [512, 1024]])
    assert.is(second?.entry.path, 'after')
  }
})

test('reads an old sparse header with extension blocks', async () => {
  const octal = (value: number) => value.toString(8).padStart(11, '0') + '\0'
  const run = (index: number) => octal(index * 1024) + octal(1)
  const head = tarMember({
    magic: 'ustar  \0',
    type: 'S',
    size: '00000000030',
    raw: [
      [386, [0, 1, 2, 3].map(run).join('')],
      [482, '\x01'],
      [483, octal(100_000)],
    ],
  })
  const extension = Buffer.alloc(512)
  extension.write(Array.from({ length: 20 }, (_, i) => run(i + 4)).join(''), 'latin1')
  const data = Buffer.alloc(512, 'abcdefghijklmnopqrstuvwx\0', 'latin1')
  const all = await readAll(tarball(Buffer.concat([head, extension, data]), { name: 'after' }))
  assert.is(all[0]?.data, 'abcdefghijklmnopqrstuvwx')
  assert.is(all[0]?.runs.at(-1), 23 * 1024)
  assert.is(all[1]?.entry.path, 'after')
})

test('reads the same whatever the size of the chunks', async () => {
  const archive = tarball({ name: 'a', data: 'x'.repeat(1000) }, { name: 'b', data: 'y' })
  for (const chunk of [1, 7, 512, 513, 1 << 20]) {
    const all = await readAll(archive, { chunk })
    assert.equal(all.map(({ data }) => data.length), [1000, 1])
  }
})

test('skips content that nobody takes', async () => {
  const { readTar } = await import('../../core/host/tree/tar.ts')
  const { streamSource } = await import('../../core/host/tree/bytes.ts')
  const archive = tarball({ name: 'a', data: 'x'.repeat(2000) }, { name: 'b' })
  async function* stream() {
    yield archive
  }
  const names: string[] = []
  for await (const entry of readTar(streamSource(stream()), { archive: 'x' })) {
    names.push(entry.path)
  }
  assert.equal(names, ['a', 'b'])
})

test('an empty file source ends at once', async () => {
  assert.is((await fileSource(-1, 0).read(512)).length, 0)
})

test.run()
