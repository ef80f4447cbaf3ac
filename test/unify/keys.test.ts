import * as assert from 'uvu/assert'
import { barredPaths } from '../../core/guest/movable.ts'
import { byteString } from '../../core/host/tree/names.ts'
import { defaultExcludes, makeExclude } from '../../core/unify/exclude.ts'
import { isIdentityXattr, metaKey, objectName } from '../../core/unify/meta_key.ts'
import { encodeTable, type Relink } from '../../core/unify/relink.ts'
import { joinTime, splitTime } from '../../core/unify/time.ts'
import { suite } from '../support/suite.ts'

const test = suite('keys of unification')

const meta = { mode: 0o100644, uid: 0, gid: 0, flags: 0, mtimeSec: 1, mtimeNsec: 2 }
const exact = { ignoreTimes: false }

test('metaKey() differs with every piece of metadata', () => {
  const others = [
    ...[{ mode: 0o104644 }, { uid: 1 }, { gid: 1 }, { flags: 0x80 }, { mtimeSec: 2 }, {
      mtimeNsec: 3,
    }],
    ...[{ mtimeSec: 1, mtimeNsec: 20 }, { mtimeSec: -1 }, { uid: 10, gid: 0 }],
  ]
  const keys = [{}, ...others].map((other) => metaKey({ ...meta, ...other }, [], exact))
  assert.is(new Set(keys).size, keys.length)
  const timeless = [{}, { mtimeSec: 9 }].map((other) =>
    metaKey({ ...meta, ...other }, [], { ignoreTimes: true })
  )
  assert.is(timeless[0], timeless[1])
  assert.not(keys.includes(timeless[0] ?? ''))
})

test('metaKey() knows xattrs apart in whatever order they come', () => {
  const key = (...xattrs: readonly (readonly [string, string])[]) =>
    metaKey(
      meta,
      xattrs.map(([name, value]) => ({ name, value: Buffer.from(value, 'latin1') })),
      exact,
    )
  assert.is(key(['user.a', '1'], ['user.b', '2']), key(['user.b', '2'], ['user.a', '1']))
  const all = [
    ...[key(), key(['user.a', '']), key(['user.a', '1']), key(['user.a', '\0'])],
    ...[key(['user.a', '1'], ['user.b', '2']), key(['user.a', '2'], ['user.b', '1'])],
    ...[key(['user.a', '16:1:user.b2']), key(['user.\xff', '1']), key(['user.\xc3\xbf', '1'])],
  ]
  assert.is(new Set(all).size, all.length)
  assert.not(isIdentityXattr('trusted.overlay.origin'))
  for (
    const name of ['trusted.overlay.metacopy', 'security.capability', 'system.posix_acl_access']
  ) {
    assert.ok(isIdentityXattr(name))
  }
})

test('objectName() is a path below the store', () => {
  assert.match(objectName(new Uint8Array(32), 'x'), /^[0-9a-f]{2}\/[0-9a-f]{62}$/)
  assert.is.not(objectName(new Uint8Array(32), 'x'), objectName(new Uint8Array(32), 'y'))
})

test('makeExclude() takes directories with all in them', () => {
  const { path: isExcluded } = makeExclude(defaultExcludes)
  for (const path of ['etc', 'etc/passwd', 'var/log/a/b', 'var/mail']) {
    assert.ok(isExcluded(path), path)
  }
  for (const path of ['', 'etcetera', 'usr/etc', 'var', 'var/logs', 'var/lib']) {
    assert.not(isExcluded(path), path)
  }
  assert.not(makeExclude([]).path(''))
  assert.ok(makeExclude(['/']).path('anything'))
  const { within } = makeExclude(['/etc', '/var/*/x'])
  assert.equal(['', 'var', 'var/a', 'var/a/b', 'etc'].map(within), [
    true,
    false,
    true,
    false,
    false,
  ])
})

test('makeExclude() takes every byte but a star for what it is', () => {
  const { path: isExcluded } = makeExclude([
    '/a.b',
    '/x(y)[z]{1}+?^$|\\',
    '/home/*/tmp',
    '//caf\u00e9/',
    '/s*p*',
  ])
  for (
    const path of [
      ...[
        'a.b',
        'x(y)[z]{1}+?^$|\\',
        'home/me/tmp/x',
        'home/\n/tmp',
        byteString('caf\u00e9/x'),
        'stop',
        'sp',
      ],
    ]
  ) assert.ok(isExcluded(path), JSON.stringify(path))
  for (const path of ['aXb', 'xy', 'home/a/b/tmp', 'home/tmp', 'caf\u00e9', 's/p']) {
    assert.not(isExcluded(path), path)
  }
})

test('splitTime() and joinTime() are exact, also before 1970', () => {
  for (const ns of [0n, 1n, -1n, -1_000_000_000n, 7_258_118_400_000_000_001n]) {
    assert.is(joinTime(splitTime(ns)), ns)
  }
  assert.equal(splitTime(-1n), { mtimeSec: -1, mtimeNsec: 999_999_999 })
})

test('encodeTable() holds names as bytes, each entry at a multiple of eight', () => {
  const item = (name: string): Relink => ({
    name: {
      tree: { id: 't', path: '/t', writable: false, excludes: [] },
      ...{ directory: 'd', mtimeSec: -5, mtimeNsec: 6, name },
    },
    file: { ino: 2 ** 40 + 1, size: 2 ** 33, mtimeSec: -1, mtimeNsec: 999_999_999 },
    ...{ action: 'LINK', object: 'ab/cd', objectIno: 2 ** 41 },
  })
  for (let length = 1; length <= 255; length++) {
    const table = encodeTable([item('\xff'.repeat(length)), item('x')])
    assert.is(table.length % 8, 0)
    assert.ok(table.includes(Buffer.concat([Buffer.alloc(length, 0xff), Buffer.from('\0ab/cd\0')])))
    assert.ok(table.includes('x\0ab/cd\0'))
  }
})

test('barredPaths() keeps a new layer from what renamed directories are about', () => {
  const value = (text: string) => Buffer.from(text, 'latin1')
  const redirect = (to: string) => ({ name: 'trusted.overlay.redirect', value: value(to) })
  const opaque = { name: 'trusted.overlay.opaque', value: value('y') }
  const isBarred = barredPaths(
    new Map([
      ...[['', []], ['free', []], ['hides', [opaque]], ['hides/more', []], ['over', []], [
        'p',
        [],
      ]] as const,
      ['new', [redirect('/hides/more/old')]],
      ['p/child', [redirect('was')]],
      ['q', [redirect('/over/b\xff')]],
    ]),
  )
  for (
    const path of [
      ...['new/f', 'new/d/f', 'p/child/f', 'p/was', 'p/was/f', 'over/b\xff', 'over/b\xff/f', 'q/f'],
      ...['over', 'hides/f', 'hides/more/f', 'hides/more'],
    ]
  ) assert.ok(isBarred(path), path)
  for (const path of ['f', 'free/f', 'p/f', 'over/f', 'over/b', 'was', 'newer']) {
    assert.not(isBarred(path), path)
  }
})

test.run()
