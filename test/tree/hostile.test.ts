import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { treeLimits } from '../../core/host/tree/limits.ts'
import { suite } from '../support/suite.ts'
import { failureOf, readAll } from './read.ts'
import { paxHeader, tarball, tarMember } from './tarball.ts'

const test = suite('readTar() of bad archives')

const refusals: readonly (readonly [what: string, archive: Buffer, message: RegExp])[] = [
  ['an empty file', Buffer.alloc(0), /^Cannot unpack "x.tar": it is empty$/],
  ['a short file', Buffer.from('hello'), /it is no tar archive/],
  ['a text', Buffer.alloc(2000, 'hello '), /it is no tar archive/],
  ['an absolute name', tarball({ name: '/etc/passwd' }), /"\/etc\/passwd": its name is absolute/],
  ['a name that goes up', tarball({ name: 'a/../../b' }), /"a\/..\/..\/b": its name holds a ".."/],
  ['a bare ..', tarball({ name: '..', type: '5' }), /".."/],
  [
    'a pax name that goes up',
    tarball(paxHeader([['path', '../x']]), {}),
    /"..\/x": its name holds/,
  ],
  ['a pax name with NUL', tarball(paxHeader([['path', 'a\0b']]), {}), /"a\\x00b": .* NUL/],
  ['a long component', tarball(paxHeader([['path', 'x'.repeat(256)]]), {}), /component over 255/],
  ['a long path', tarball(paxHeader([['path', 'x/'.repeat(2100)]]), {}), /name is over 4095/],
  ['a hard link up', tarball({ type: '1', link: '../x' }), /hard link to something outside/],
  ['a hard link to /', tarball({ type: '1', link: '/etc/shadow' }), /link to something outside/],
  ['a symlink to nothing', tarball({ type: '2' }), /symlink to nothing/],
  ['an unknown type', tarball({ type: 'M' }), /unknown type \("M"\)/],
  ['a wrong checksum', tarball({}, tarMember({ checksum: '000000\0 ' })), /damaged at byte 512/],
  ['a negative size', tarball({ size: '\xff'.repeat(12) }), /its size is negative/],
  ['a huge size', tarball({ size: `\x80${'\xff'.repeat(11)}` }), /its size is too large/],
  ['a size with letters', tarball({ size: '0000000zz00' }), /its size is not a number/],
  ['a negative owner', tarball({ uid: '\xff'.repeat(8) }), /its owner is negative/],
  ['a negative pax size', tarball(paxHeader([['size', '-5']]), {}), /its size is negative/],
  [
    'an owner that is nobody',
    tarball(paxHeader([['uid', '4294967295']]), {}),
    /owner is too large/,
  ],
  ['a pax time with letters', tarball(paxHeader([['mtime', 'now']]), {}), /time is not a number/],
  [
    'a pax length of 0',
    tarball(tarMember({ type: 'x', data: '0 a=b\n' }), {}),
    /header is damaged/,
  ],
  [
    'a pax length beyond',
    tarball(tarMember({ type: 'x', data: '99 a=b\n' }), {}),
    /header is damaged/,
  ],
  ['a big pax header', tarball(tarMember({ type: 'x', size: '77777777777' })), /header is over/],
  [
    'a big long name',
    tarball(tarMember({ type: 'L', size: '00000077777' })),
    /header is over 4096/,
  ],
  ['a damaged ACL', tarball(paxHeader([['SCHILY.acl.access', 'x::rwx']]), {}), /ACL is damaged/],
  ['a missing end', tarMember({ data: 'x' }), /its end is missing/],
  [
    'sparse runs that overlap',
    sparse('0,10,5,10', { size: '100', data: 'x'.repeat(20) }),
    /sparse map leaves the file or overlaps/,
  ],
  ['a run beyond the end', sparse('0,10', { size: '5', data: 'x'.repeat(10) }), /leaves the file/],
  [
    'a map that does not add up',
    sparse('0,10', { size: '50', data: 'x' }),
    /does not fit the data/,
  ],
  ['half a map', sparse('0,10,3', { size: '50', data: 'x' }), /sparse map is damaged/],
  [
    'a huge sparse file',
    sparse('', { size: '9007199254740991', data: '' }),
    /is over 8796093022208 bytes/,
  ],
  [
    'a sparse map without an end',
    tarball(
      paxHeader([['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], [
        'GNU.sparse.realsize',
        '9',
      ]]),
      { data: '100000\n1\n'.padEnd(512, '1') },
    ),
    /sparse map is cut off/,
  ],
]

function sparse(map: string, { size, data }: { size: string; data: string }): Buffer {
  const entries = [['GNU.sparse.size', size], ['GNU.sparse.map', map === '' ? ',' : map]] as const
  return tarball(paxHeader(entries), { data })
}

for (const [what, archive, message] of refusals) {
  test(`refuses ${what}`, async () => assert.match(await failureOf(archive), message))
}

test('refuses an archive cut off at any byte before its end', async () => {
  const archive = tarball(
    paxHeader([['path', 'long']]),
    { data: 'x'.repeat(700) },
    { name: 'b', type: '5' },
  )
  const end = archive.length - 1024
  for (let length = 0; length < end; length += 37) {
    const message = await failureOf(archive.subarray(0, length))
    assert.match(message, /^Cannot unpack "x.tar": /, `${length} bytes`)
  }
  assert.is((await readAll(archive.subarray(0, end + 512))).length, 2)
})

test('refuses much after the end', async () => {
  const limits = { ...treeLimits, trailingBytes: 4096 }
  const archive = Buffer.concat([tarball({}), Buffer.alloc(8192)])
  assert.match(await failureOf(archive, limits), /over 4096 bytes follow its end/)
})

test('refuses what lies too deep', async () => {
  const limits = { ...treeLimits, depth: 3 }
  assert.match(await failureOf(tarball({ name: 'a/b/c/d' }), limits), /over 3 directories deep/)
})

test('random damage never does worse than fail', async () => {
  const archive = tarball(
    paxHeader([['path', 'long'], ['SCHILY.xattr.user.a', 'x']]),
    { data: 'x'.repeat(600) },
    { name: 'l', type: '2', link: 'x' },
  )
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed % below
  }
  for (let round = 0; round < 500; round++) {
    const damaged = Buffer.from(archive)
    for (let i = 0; i <= random(4); i++) damaged[random(damaged.length)] = random(256)
    const message = await failureOf(damaged)
    assert.ok(message === '' || message.startsWith('Cannot unpack "x.tar": '), message)
  }
})

test.run()
