/**
 * Files that guests share are in memory once, however many guests read them. @limit 400 s
 *
 * @module
 */
import { copyFileSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { product, runCommand, tinyTree } from './product.ts'

const test = suite('pages of shared files', {
  needs: ['root', 'vserver', 'test-tools', 'busybox', 'fincore', 'losetup', 'mkfs.ext4'],
  timeoutMs: 300_000,
})
const it = product()
const names = Array.from({ length: 20 }, (_, i) => `g${i}`)
const few = names.slice(0, 3)
const libraries = Array.from({ length: 4 }, (_, i) => `lib${i}.so`)
const LIBRARY_BYTES = 1 << 20
const ALL = libraries.length * LIBRARY_BYTES

function shell(line: string): string {
  const ran = runCommand(['sh', '-euc', line], { timeoutMs: 60_000 })
  if (ran.code !== 0) throw new Error(`${line}: ${ran.stderr}`)
  return ran.stdout
}

test.before(() => {
  const tree = tinyTree(join(it.scratch, 'tree'))
  const busybox = runCommand(['sh', '-c', 'command -v busybox']).stdout.trim()
  copyFileSync(busybox, join(tree, 'busybox'))
  // The file system must be one whose pages can be dropped: /tmp may be in memory.
  const image = join(it.scratch, 'disk.img')
  shell(`truncate -s 400M ${image}; mkfs.ext4 -q ${image}; mount -o loop ${image} ${it.root}`)
  shell(`chmod 700 ${it.root}`)
  for (const name of names) {
    it.must('create', name, '--from', `dir:${tree}`)
    mkdirSync(it.guest(name, 'upper/lib'))
    for (const [i, library] of libraries.entries()) {
      const path = it.guest(name, 'upper/lib', library)
      writeFileSync(path, Buffer.alloc(LIBRARY_BYTES, `${library} ${i} `))
      utimesSync(path, 1_700_000_000, 1_700_000_000)
    }
  }
})
test.after(() => {
  it.run(['kill', '--all'])
  it.run(['destroy', '--all', '--yes'], { timeoutMs: 120_000 })
  shell(`umount ${it.root}`)
  it.dispose()
})

/** Where a guest's libraries lie: what it wrote, or the layer that they were moved to. */
function filesOf(name: string): readonly string[] {
  const { layers }: { layers: readonly string[] } = JSON.parse(
    readFileSync(it.guest(name, 'meta.json'), 'utf8'),
  )
  const places = [
    it.guest(name, 'upper/lib'),
    ...layers.map((id) => join(it.root, 'var/lib/vserver/layers', id, 'lib')),
  ]
  return libraries.map((library) => {
    const paths = places.map((place) => join(place, library))
    return paths.find((path) => statSync(path, { throwIfNoEntry: false }) !== undefined) ?? ''
  })
}

/** Writes out and forgets the pages of files. */
function drop(files: readonly string[]): void {
  for (const file of files) {
    shell(`dd of=${file} oflag=nocache conv=notrunc,fdatasync count=0 status=none`)
  }
}

/** Bytes in memory of these files, each inode once. */
function resident(files: readonly string[]): number {
  const once = new Map(files.map((file) => [statSync(file).ino, file]))
  const shown = shell(
    `fincore --bytes --raw --noheadings --output RES ${[...once.values()].join(' ')}`,
  )
  return shown.trim().split('\n').reduce((sum, line) => sum + Number(line), 0)
}

/** Reads all libraries in a running guest. */
function read(name: string): void {
  const said = it.must(
    'exec',
    name,
    '--',
    '/busybox',
    'sh',
    '-c',
    '/busybox cat /lib/*.so | /busybox wc -c',
  )
  assert.is(said.trim(), String(ALL))
}

test('are a guest’s own before unify', () => {
  const files = few.flatMap(filesOf)
  it.must('start', ...few)
  drop(files)
  assert.is(resident(files), 0)
  few.forEach(read)
  assert.is(resident(files), few.length * ALL)
  it.must('stop', ...few)
})

test('are in memory once for 20 guests after it', () => {
  it.must('unify')
  const files = names.map(filesOf)
  const inodes = new Set(files.flat().map((file) => statSync(file).ino))
  assert.is(inodes.size, libraries.length)
  it.must('start', ...names)
  const [first = [], ...others] = files
  drop(first)
  assert.is(resident(files.flat()), 0)
  read('g0')
  assert.is(resident(first), ALL)
  for (const own of others) assert.is(resident(own), ALL, 'read by one, there for all')
  names.forEach(read)
  assert.is(resident(files.flat()), ALL, 'read by 20, there once')
})

test.run()
