import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { fieldOf, parseStanza, parseStanzas } from '../../plugins/bootstrap-debian/deb822.ts'
import { indexOf } from '../../plugins/bootstrap-debian/index-file.ts'
import { chooseMirrors, parseOneLine, parseSources } from '../../plugins/bootstrap-debian/mirror.ts'
import { parseRelations, showGroup } from '../../plugins/bootstrap-debian/relation.ts'
import { isSafePath } from '../../plugins/bootstrap-debian/release.ts'
import { resolve } from '../../plugins/bootstrap-debian/resolve.ts'
import { readSourceOptions } from '../../core/guest/source_options.ts'
import plugin from '../../plugins/bootstrap-debian/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('debian: parts')

test('parseStanza() keeps continuations, and refuses what is no field', () => {
  const stanza = parseStanza('Package: a\nDescription: x\n more\n .\nConffiles:\n /etc/a 0\n')
  assert.is(fieldOf(stanza, 'PACKAGE'), 'a')
  assert.is(fieldOf(stanza, 'Description'), 'x\n more\n .')
  for (const bad of [' first', 'no colon', 'A: 1\na: 2', ': x']) {
    assert.throws(() => parseStanza(bad), undefined, bad)
  }
  assert.is(parseStanzas('A: 1\n\n\nB: 2\n\n').length, 2)
})

test('parseRelations() reads alternatives, versions and qualifiers', () => {
  const groups = parseRelations('a (>= 1:2~) | b:any, c(<<3),  d')
  assert.equal(groups.map(showGroup), ['a (>= 1:2~) | b:any', 'c (<< 3)', 'd'])
  assert.equal(parseRelations(undefined), [])
  for (const bad of ['a (1)', 'A', 'a (>= )', 'a (>= ../x)', 'a b']) {
    assert.throws(() => parseRelations(bad), /is not a relation/, bad)
  }
})

test('isSafePath() lets nothing out of the archive', () => {
  assert.ok(isSafePath('pool/main/g/g++/g++_1%3a2+b1~x_amd64.deb'))
  for (
    const bad of [
      '',
      '/a',
      '../a',
      'a/../b',
      'a//b',
      './a',
      'a/',
      'a b',
      'http://x',
      '%2e%2E/a',
      'a?b',
      'a#b',
    ]
  ) {
    assert.not(isSafePath(bad), bad)
  }
})

const options = {
  source: 'debian:x',
  base: 'http://m',
  url: 'http://m/Packages',
  architecture: 'amd64',
}

interface Spec {
  readonly [field: string]: string
}

function index(...specs: readonly Spec[]) {
  const stanzas = specs.map(({ Package = '', ...more }) => {
    const fields: Spec = {
      Package,
      Version: '1',
      Architecture: 'amd64',
      Filename: `pool/${Package}.deb`,
      Size: '1',
      SHA256: '0'.repeat(64),
      ...more,
    }
    return Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`).join('')
  })
  return indexOf(Buffer.from(stanzas.join('\n')), options)
}

function names(indices: readonly ReturnType<typeof index>[], ...wanted: readonly string[]) {
  const { essential, others } = resolve({ source: 'debian:x', indices, names: wanted })
  return [
    ...essential.map(({ name }) => `${name}!`),
    ...others.map(({ name, version }) => `${name}=${version}`),
  ]
}

test('resolve() takes essential and required packages, and what they need before them', () => {
  const found = names([index(
    { Package: 'sh', Essential: 'yes', 'Pre-Depends': 'libc' },
    { Package: 'libc' },
    { Package: 'mount', Priority: 'required', Depends: 'sh' },
    { Package: 'unused' },
  )])
  assert.equal(found, ['libc!', 'sh!', 'mount=1'])
})

test('resolve() takes the newest of all indices', () => {
  const old = index({ Package: 'a', Depends: 'b' }, { Package: 'b' })
  const newer = index({ Package: 'a', Version: '1.1' })
  assert.equal(names([old, newer], 'a'), ['a=1.1'])
})

test('resolve() takes what is chosen already, then the first alternative, then a provider', () => {
  const all = index(
    { Package: 'app', Depends: 'nope | mail (>= 2) | second' },
    { Package: 'mail', Version: '1' },
    { Package: 'second', Provides: 'mta (= 5)' },
    { Package: 'user', Depends: 'mta (>= 4)' },
    { Package: 'other', Provides: 'mta (= 3)' },
    { Package: 'x', Depends: 'virtual' },
    { Package: 'p2', Provides: 'virtual' },
    { Package: 'p1', Provides: 'virtual' },
    { Package: 'p0', Provides: 'virtual', Architecture: 'arm64' },
  )
  assert.equal(names([all], 'app'), ['second=1', 'app=1'])
  assert.equal(names([all], 'user'), ['second=1', 'user=1'])
  assert.equal(names([all], 'x'), ['p1=1', 'x=1'])
  assert.equal(names([all], 'p2', 'x'), ['p2=1', 'x=1'])
})

test('resolve() gets through cycles, and through long chains', () => {
  const cycle = index(
    { Package: 'a', Depends: 'b' },
    { Package: 'b', 'Pre-Depends': 'c' },
    { Package: 'c', Depends: 'a' },
  )
  assert.equal(names([cycle], 'a'), ['c=1', 'b=1', 'a=1'])
  const chain = index(...Array.from({ length: 20_000 }, (_, i) => ({
    Package: `p${i}`,
    ...(i < 19_999 ? { Depends: `p${i + 1}` } : {}),
  })))
  const found = names([chain], 'p0')
  assert.is(found.length, 20_000)
  assert.is(found[0], 'p19999=1')
})

test('resolve() refuses packages that exclude each other', () => {
  const all = index({ Package: 'a', Conflicts: 'b (<< 2)' }, { Package: 'b' }, {
    Package: 'c',
    Breaks: 'd',
  }, {
    Package: 'd',
  }, { Package: 'e', Conflicts: 'v', Provides: 'v' })
  assert.throws(
    () => names([all], 'a', 'b'),
    /package "a": it excludes b \(<< 2\), and "b" 1 is wanted/,
  )
  assert.throws(() => names([all], 'c', 'd'), /excludes d/)
  assert.equal(names([all], 'e'), ['e=1'])
})

test('mirrors come from options, else from apt, else from Debian', () => {
  const lines = parseOneLine(
    '# deb http://x y z\ndeb [arch=amd64] http://m.example/debian bookworm main\ndeb-src http://s a b\n',
  )
  assert.equal(lines, [{ uri: 'http://m.example/debian', suite: 'bookworm' }])
  const stanzas = parseSources(
    'Types: deb\nURIs: http://a/debian/ http://b/debian\nSuites: s s-updates\nComponents: main\n\n' +
      'Types: deb\nEnabled: no\nURIs: http://off/debian\nSuites: s\n\nTypes: deb-src\nURIs: http://src\nSuites: s\n',
  )
  assert.is(stanzas.length, 4)
  const none = { apt: '/nonexistent', suite: 'trixie', mirror: undefined, security: undefined }
  const { main, security } = chooseMirrors(none)
  assert.match(main, /^http:\/\/ftp\.[a-z]{2}\.debian\.org\/debian$/)
  assert.is(security, 'http://security.debian.org/debian-security')
  assert.equal(chooseMirrors({ ...none, mirror: 'http://m/debian//', security: 'none' }), {
    main: 'http://m/debian',
    security: undefined,
  })
})

test('options of a source are checked and have units', () => {
  const [bootstrapper] = plugin.bootstrappers
  if (bootstrapper === undefined) throw new Error('no bootstrapper')
  const read = (...written: readonly string[]) => readSourceOptions(bootstrapper, written)
  assert.equal(read('include=a,b', 'stallTimeout=2s', 'updates=false')['include'], ['a', 'b'])
  assert.is(read('stallTimeout=2s')['stallTimeout'], 2000)
  assert.is(read()['configureTimeout'], 900_000)
  assert.is(read('updates=false')['updates'], false)
  for (
    const bad of [
      'mirror',
      'mirror=ftp://x',
      'nope=1',
      'include=../x',
      'updates=maybe',
      'stallTimeout=2',
      '__proto__=1',
    ]
  ) {
    assert.throws(() => read(bad), undefined, bad)
  }
})

test.run()
