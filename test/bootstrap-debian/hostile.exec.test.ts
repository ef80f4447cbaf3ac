import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from '../support/suite.ts'
import { failure } from '../tree/lab.ts'
import { leftovers, openBench } from './support/bench.ts'
import {
  arMember,
  controlText,
  deb,
  debOf,
  directory,
  file,
  link,
  type PackageSpec,
  tarball,
} from './support/deb.ts'

const test = suite('hostile packages', { needs: ['root', 'executor'], timeoutMs: 60_000 })

const outside = '/tmp/vserver-debian-outside'

const hostile: readonly (readonly [what: string, data: PackageSpec['data'], message: RegExp])[] = [
  [
    'an absolute name',
    [file('/etc/x', 'bad')],
    /package "evil 1": "\/etc\/x": its name is absolute/,
  ],
  ['a name that goes up', [file('./../x', 'bad')], /its name holds a "\.\." component/],
  [
    'a file below a link that leads out',
    [link('./out', '/tmp'), file('./out/vserver-debian-outside', 'bad')],
    /"out\/vserver-debian-outside": it lies below "out", which is a symlink/,
  ],
  [
    'a hard link that leads out',
    [{ name: './x', type: '1', link: '/etc/shadow' }],
    /hard link to something outside: the name is absolute/,
  ],
  [
    'a hard link to a file of another package',
    [{ name: './x', type: '1', link: './etc/of-other' }],
    /hard link to "etc\/of-other", which is no file of the package/,
  ],
  ['a device', [{ name: './sda', type: '4', major: '0000010\0' }], /"sda": it is a device/],
  ['a character device', [{ name: './kmem', type: '3' }], /"kmem": it is a device/],
  [
    'a file of another package',
    [directory('./etc'), file('./etc/of-other', 'mine')],
    /"etc\/of-other": package "other" has it, too/,
  ],
  ['a file in place of a merged directory', [file('./bin', 'bad')], /"bin": it would replace/],
  ['a member of an unknown kind', [{ name: './x', type: 'Z' }], /of an unknown type/],
]

const other: PackageSpec = {
  name: 'other',
  data: [directory('./etc'), file('./etc/of-other', 'o')],
}

for (const [what, data = [], message] of hostile) {
  test(`refuses ${what}`, async (context) => {
    const evil: PackageSpec = { name: 'evil', fields: ['Depends: other'], data }
    const bench = await openBench(context, [other, evil, { name: 'usr-is-merged' }])
    const said = await failure(bench.make())
    assert.match(said, /^E_ARCHIVE Cannot use "debian:trixie": /)
    assert.match(said, message)
    assert.equal(leftovers(bench), [])
    assert.not(existsSync(outside))
    assert.equal(bench.scripts, [])
  })
}

test('keeps setuid files, links and owners as the package has them', async (context) => {
  const bench = await openBench(context, [{
    name: 'plain',
    data: [
      directory('./usr'),
      file('./usr/su', 'su', 0o4755),
      { name: './usr/too', type: '1', link: './usr/su' },
      link('./usr/link', '/no/where'),
      { ...file('./usr/mail', 'm'), gid: '0000010\0' },
    ],
  }])
  const tree = await bench.make()
  assert.is(statSync(join(tree, 'usr/su')).mode & 0o7777, 0o4755)
  assert.is(statSync(join(tree, 'usr/su')).nlink, 2)
  assert.is(statSync(join(tree, 'usr/mail')).gid, 8)
  assert.ok(lstatSync(join(tree, 'usr/link')).isSymbolicLink())
})

test('puts files of bin, sbin and lib where merged trees have them', async (context) => {
  const bench = await openBench(context, [
    { name: 'usr-is-merged' },
    { name: 'old', data: [directory('./bin'), file('./bin/true', 'true', 0o755)] },
  ])
  const tree = await bench.make()
  assert.is(readFileSync(join(tree, 'usr/bin/true'), 'utf8'), 'true')
  assert.ok(lstatSync(join(tree, 'bin')).isSymbolicLink())
  assert.match(
    readFileSync(join(tree, 'var/lib/dpkg/info/old.list'), 'utf8'),
    /^\/\.\n\/bin\n\/bin\/true\n$/,
  )
})

test('lets a package take over files that it replaces, in either order', async (context) => {
  const bench = await openBench(context, [
    { name: 'a-new', fields: ['Replaces: b-old (<< 2)'], data: [file('./shared', 'new')] },
    { name: 'b-old', data: [file('./shared', 'old')] },
    { name: 'c-old', data: [file('./second', 'old')] },
    { name: 'd-new', fields: ['Replaces: c-old'], data: [file('./second', 'new')] },
  ])
  const tree = await bench.make()
  assert.is(readFileSync(join(tree, 'shared'), 'utf8'), 'new')
  assert.is(readFileSync(join(tree, 'second'), 'utf8'), 'new')
  const list = (name: string) => readFileSync(join(tree, `var/lib/dpkg/info/${name}.list`), 'utf8')
  assert.is(list('b-old'), '/.\n')
  assert.is(list('c-old'), '/.\n')
  assert.is(list('a-new'), '/.\n/shared\n')
})

const control = tarball(directory('.'), file('./control', controlText({ name: 'evil' })))
const bad: readonly (readonly [what: string, bytes: Buffer, message: RegExp])[] = [
  ['no archive at all', Buffer.from('hello'), /package "evil 1": it is no Debian package/],
  ['an empty file', Buffer.alloc(0), /it is no Debian package/],
  [
    'another package',
    debOf(tarball(file('./control', controlText({ name: 'good' }))), tarball()),
    /its Package should be "evil", and is "good"/,
  ],
  ['no control file', debOf(tarball(directory('.')), tarball()), /its control file is missing/],
  [
    'control files with a path',
    debOf(tarball(file('./../x', 'x')), tarball()),
    /its name holds a "\.\." component/,
  ],
  [
    'a tree that is no tar',
    debOf(control, Buffer.from('x'.repeat(600))),
    /it is no tar archive/,
  ],
  [
    'a bomb',
    debOf(control, tarball(file('./zeros', Buffer.alloc(300 << 20)))),
    /(unpacks to|is) over \d+/,
  ],
  [
    'an unknown compression',
    Buffer.concat([
      Buffer.from('!<arch>\n'),
      arMember('debian-binary', Buffer.from('2.0\n')),
      arMember('control.tar.gz', gzipSync(control)),
      arMember('data.tar.lz', Buffer.from('x')),
    ]),
    /"data\.tar\.lz" is of an unknown kind/,
  ],
]

for (const [what, bytes, message] of bad) {
  test(`refuses a package that is ${what}`, async (context) => {
    const bench = await openBench(context, [{ name: 'evil' }])
    await bench.publish({
      packages: [{ name: 'evil' }, ...(await import('./support/bench.ts')).emptyBase],
      debs: { evil: bytes },
    })
    const said = await failure(bench.make())
    assert.match(said, /^E_ARCHIVE Cannot use "debian:trixie": package "evil 1"/)
    assert.match(said, message, said)
    assert.equal(leftovers(bench), [])
  })
}

test('refuses a package cut off at any place', async (context) => {
  const random = Buffer.alloc(64 << 10)
  for (let i = 0; i < random.length; i++) random[i] = (i * 7919 + (i >> 8) * 104_729) & 0xff
  const whole = deb({ name: 'evil', data: [file('./a', random), file('./b', 'b')] })
  const bench = await openBench(context, [{ name: 'evil' }])
  const { emptyBase } = await import('./support/bench.ts')
  for (let length = 4096; length < whole.length; length += 4096) {
    await bench.publish({
      packages: [{ name: 'evil' }, ...emptyBase],
      debs: { evil: whole.subarray(0, length) },
    })
    const said = await failure(bench.make())
    assert.match(said, /^E_ARCHIVE .*package "evil 1"/, `cut to ${length}`)
    assert.equal(leftovers(bench), [])
  }
})

test.run()
