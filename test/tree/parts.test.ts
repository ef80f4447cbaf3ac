import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { encodeAcl, hasNames, parseIds } from '../../core/host/tree/acl.ts'
import { detectCompression } from '../../core/host/tree/decompress.ts'
import type { Entry } from '../../core/host/tree/entry.ts'
import { mountsBelow } from '../../core/host/tree/mounts.ts'
import { byteString, normalise, showName, toBytes } from '../../core/host/tree/names.ts'
import { registry } from '../../core/host/tree/registry.ts'
import { idWords, isWithin } from '../../core/host/tree/source.ts'
import { suite } from '../support/suite.ts'

const names = suite('names')

names('normalise() strips what means nothing', () => {
  assert.equal(normalise('./a//b/./c/'), { path: 'a/b/c' })
  assert.equal(normalise('./'), { path: '' })
  assert.equal(normalise('..a/b..'), { path: '..a/b..' })
})

names('showName() shows UTF-8 and escapes everything else', () => {
  assert.is(showName(byteString('größe')), 'größe')
  assert.is(showName('a\xff\n'), 'a\\xff\\x0a')
  assert.is(showName('a\x1b[31m'), 'a\\x1b[31m')
  assert.is(showName(byteString('a\u202eb')), 'a\\xe2\\x80\\xaeb')
})

names('byteString() and toBytes() are exact', () => {
  assert.equal([...toBytes(byteString('ü'))], [0xc3, 0xbc])
  assert.equal([...toBytes('\xff\0')], [255, 0])
})

names('idWords() keeps to what a template id may hold', () => {
  assert.is(idWords('Debian 12_(x).root'), 'debian-12-x-.root')
  assert.is(idWords('..'), 'tree')
})

names('isWithin() compares whole components', () => {
  assert.is(isWithin('/a/b', '/a'), true)
  assert.is(isWithin('/ab', '/a'), false)
  assert.is(isWithin('/x', '/'), true)
})

names.run()

const acl = suite('encodeAcl()')
const nobody = { user: new Map(), group: new Map() }

acl('sorts rows as the kernel wants them', () => {
  const text = 'other::r--,mask::rwx,group::r-x,group:7:rwx,user:9:r--,user:8:-w-,user::rwx'
  const bytes = Buffer.from(encodeAcl(text, nobody))
  const rows = Array.from({ length: 7 }, (_, i) => [
    bytes.readUInt16LE(4 + i * 8),
    bytes.readUInt16LE(6 + i * 8),
    bytes.readUInt32LE(8 + i * 8),
  ])
  assert.is(bytes.readUInt32LE(0), 2)
  assert.equal(rows, [
    [1, 7, 0xffffffff],
    [2, 2, 8],
    [2, 4, 9],
    [4, 5, 0xffffffff],
    [8, 7, 7],
    [16, 7, 0xffffffff],
    [32, 4, 0xffffffff],
  ])
})

acl('takes numbers of names from the fourth field or from the tree', () => {
  assert.is(hasNames('user::rwx,user:5:r--'), false)
  assert.is(hasNames('user:lisa:r--:502'), false)
  assert.is(hasNames('group:adm:r--'), true)
  const ids = { user: new Map(), group: parseIds('root:x:0:\nadm:x:4:syslog\nbad\n') }
  assert.is(Buffer.from(encodeAcl('group:adm:r-x', ids)).readUInt32LE(8), 4)
  assert.is(Buffer.from(encodeAcl('user:lisa:r--:502', ids)).readUInt32LE(8), 502)
  assert.throws(
    () => encodeAcl('user:lisa:r--', ids),
    /names the user "lisa", who is not in its own/,
  )
})

acl.run()

const places = suite('registry()')
const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n, xattrs: [] }
const content = { kind: 'slice', from: 0, extents: [] } as const
const file = (path: string): Entry => ({ kind: 'file', path, ...attributes, size: 0, content })
const directory = (path: string): Entry => ({ kind: 'directory', path, ...attributes })
const symlink = (path: string): Entry => ({ kind: 'symlink', path, ...attributes, target: '/etc' })
const hardlink = (path: string, target: string): Entry => ({ kind: 'hardlink', path, target })

places('tells which directories are missing, once', () => {
  const made = registry(100)
  assert.equal(made.admit(file('a/b/c')).missing, ['a', 'a/b'])
  assert.equal(made.admit(file('a/b/d')).missing, [])
  assert.equal(made.top(), ['a'])
})

places('lets later members replace earlier ones', () => {
  const made = registry(100)
  made.admit(file('a'))
  assert.is(made.admit(file('a')).before, 'name')
  assert.is(made.admit(directory('a')).before, 'name')
  assert.is(made.admit(directory('a')).before, 'sameDirectory')
  assert.is(made.admit(symlink('a')).before, 'emptyDirectory')
  assert.is(made.admit(directory('')).before, 'sameDirectory')
})

places('refuses members below what is no directory', () => {
  const made = registry(100)
  made.admit(symlink('etc'))
  assert.throws(() => made.admit(file('etc/passwd')), /below "etc", which is a symlink/)
  made.admit(file('f'))
  assert.throws(() => made.admit(file('f/x/y')), /below "f", which is a file/)
})

places('refuses hard links to what was not written', () => {
  const made = registry(100)
  made.admit(directory('d'))
  assert.throws(() => made.admit(hardlink('a', 'later')), /did not come before it/)
  assert.throws(() => made.admit(hardlink('a', 'd')), /which is a directory/)
  made.admit(file('f'))
  assert.throws(() => made.admit(hardlink('f', 'f')), /hard link to itself/)
  made.admit(hardlink('g', 'f'))
})

places('refuses to replace a directory with members, or the root', () => {
  const made = registry(100)
  made.admit(file('d/f'))
  assert.throws(() => made.admit(file('d')), /replace a directory that has members/)
  assert.throws(() => made.admit(file('')), /it is the root/)
})

places('refuses too many members', () => {
  const made = registry(2)
  made.admit(file('a'))
  made.admit(file('b'))
  assert.throws(() => made.admit(file('c')), /over 2 members/)
})

places.run()

const more = suite('mountsBelow() and detectCompression()')

more('finds mount points strictly below, escapes undone', () => {
  const info = [
    '1 0 8:1 / / rw - ext4 /dev/sda rw',
    '2 1 0:5 / /srv/tree rw - tmpfs x rw',
    '3 1 0:6 / /srv/tree/a\\040b rw - tmpfs x rw',
    '4 1 0:7 / /srv/tree2/c rw - tmpfs x rw',
    '',
  ].join('\n')
  assert.equal([...mountsBelow(info, '/srv/tree')], ['a b'])
  assert.equal([...mountsBelow(info, '/')], ['srv/tree', 'srv/tree/a b', 'srv/tree2/c'])
})

more('tells formats by their first bytes', () => {
  const detect = (bytes: string) => detectCompression(Buffer.from(bytes, 'latin1'), 'x')
  assert.is(detect('\x1f\x8b\x08'), 'gzip')
  assert.is(detect('\xfd7zXZ\0'), 'xz')
  assert.is(detect('\x28\xb5\x2f\xfd'), 'zstd')
  assert.is(detect('\x53\x2a\x4d\x18'), 'zstd')
  assert.is(detect('usr/bin'), 'none')
  assert.throws(() => detect('BZh9'), /it is bzip2 data, which cannot be read/)
})

more.run()
