import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { findInit, type InitKind, stopRule } from '../../core/guest/init.ts'
import { resolveInTree } from '../../core/guest/tree.ts'
import { suite } from '../support/suite.ts'

const base = mkdtempSync(join(tmpdir(), 'vserver-init-'))
let count = 0

/** A layer: texts are files (executable when they start with `!`), `-> x` are links. */
function layer(entries: Readonly<Record<string, string>>): string {
  const root = join(base, String(count++))
  mkdirSync(root)
  for (const [path, content] of Object.entries(entries)) {
    const place = join(root, path)
    mkdirSync(dirname(place), { recursive: true })
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), place)
    else {
      writeFileSync(place, content.replace(/^!/, ''))
      chmodSync(place, content.startsWith('!') ? 0o755 : 0o644)
    }
  }
  return root
}

const find = (layers: readonly string[], init?: readonly string[]) =>
  findInit({ name: 'web', init, tree: { layers } }, 'start')

function assertNoInit(deed: () => unknown, pattern: RegExp): void {
  try {
    deed()
  } catch (error) {
    if (!(error instanceof VServerError)) throw error
    assert.is(error.code, 'E_NO_INIT')
    assert.match(error.message, pattern)
    return
  }
  assert.unreachable('an init was found')
}

const test = suite('findInit()')
test.after(() => rmSync(base, { recursive: true }))

const kinds: readonly (readonly [InitKind, Readonly<Record<string, string>>])[] = [
  ['systemd', { 'sbin/init': '-> ../lib/systemd/systemd', 'lib/systemd/systemd': '!x' }],
  ['systemd', { 'usr/lib/systemd/systemd': '!x' }],
  ['busybox', { 'sbin/init': '-> /bin/busybox', 'bin/busybox': '!x' }],
  ['sysvinit', { 'sbin/init': '!\x7fELF...\0/dev/initctl\0...' }],
  ['openrc', { 'sbin/init': '-> openrc-init', 'sbin/openrc-init': '!x' }],
  ['runit', { 'sbin/init': '-> runit-init', 'sbin/runit-init': '!x' }],
  ['s6', { 'sbin/init': '!#!/bin/execlineb\n/bin/s6-linux-init -c /etc/s6 $@' }],
  ['other', { 'sbin/init': '!#!/bin/sh\nexec sleep 1' }],
  ['other', { 'init': '!\x7fELF' }],
]
for (const [kind, entries] of kinds) {
  test(`knows ${kind} by ${Object.keys(entries).join(', ')}`, () => {
    assert.is(find([layer(entries)]).kind, kind)
  })
}

test('calls the init by the path where it was looked for', () => {
  const tree = layer({
    'sbin/init': '-> /usr/lib/systemd/systemd',
    'usr/lib/systemd/systemd': '!x',
  })
  assert.is(find([tree]).path, '/sbin/init')
})

test('takes a configured init with its arguments', () => {
  const tree = layer({ 'bin/sh': '!x' })
  assert.equal(find([tree], ['/bin/sh', '-c', 'x']), {
    path: '/bin/sh',
    args: ['-c', 'x'],
    kind: 'other',
  })
})

test('says what is wrong with a configured init', () => {
  const tree = layer({ 'bin/sh': 'x', 'bin/dir/x': 'x' })
  assertNoInit(() => find([tree], ['/bin/no']), /"\/bin\/no" is not there/)
  assertNoInit(() => find([tree], ['/bin/sh']), /is not a program/)
  assertNoInit(() => find([tree], ['/bin/dir']), /is not a program/)
})

test('finds nothing where there is nothing', () => {
  assertNoInit(() => find([layer({ 'etc/x': 'x' })]), /looked for \/sbin\/init, /)
  assertNoInit(() => find([layer({ 'sbin/init': '-> init' })]), /no init/)
})

test('looks into layers from the top', () => {
  const lower = layer({ 'sbin/init': '-> /lib/systemd/systemd', 'lib/systemd/systemd': '!x' })
  const upper = layer({ 'sbin/init': '-> /bin/busybox', 'bin/busybox': '!x' })
  assert.is(find([upper, lower]).kind, 'busybox')
  assert.is(find([lower, upper]).kind, 'systemd')
  // A link of one layer leads into another.
  assert.is(
    find([layer({ 'sbin': '-> usr/sbin' }), layer({ 'usr/sbin/init': '!x' })]).kind,
    'other',
  )
  // A file in the place of a directory hides what lies below.
  assertNoInit(() => find([layer({ 'sbin': 'x' }), layer({ 'sbin/init': '!x' })]), /no init/)
})

test('resolveInTree() never leaves the tree', () => {
  const up = '../'.repeat(30)
  const tree = layer({
    'a': `-> ${up}bin/sh`,
    'b': '-> /bin/sh',
    'c/d': '-> ../../..',
    'bin/sh': '!inside',
  })
  for (const path of ['/a', '/b', '/c/d/bin/sh', '/c/../../../bin/sh', `/${up}bin/sh`]) {
    assert.is(resolveInTree({ layers: [tree] }, path)?.host, join(tree, 'bin/sh'), path)
  }
})

test('resolveInTree() tells every path that it looked at', () => {
  const [upper, lower] = [layer({ 'x': 'x' }), layer({ 'sbin/init': '!x' })]
  const seen = new Set<string>()
  resolveInTree({ layers: [upper, lower], seen }, '/sbin/init')
  const paths = ['sbin', 'sbin/init'].flatMap((path) => [join(upper, path), join(lower, path)])
  assert.equal([...seen].toSorted(), paths.toSorted())
})

test('stopRule() has the signals that each init understands', () => {
  assert.equal(stopRule('systemd'), { signal: 37, notifies: true })
  assert.equal(stopRule('busybox'), { signal: 12, notifies: false })
  assert.equal(stopRule('sysvinit'), { signal: 30, notifies: false })
  assert.equal(stopRule('runit'), { signal: 2, notifies: false })
  assert.equal(stopRule('s6'), { signal: 10, notifies: false })
  assert.equal(stopRule('openrc'), { signal: 15, notifies: false })
  assert.equal(stopRule('other'), { signal: 15, notifies: false })
})

test.run()
