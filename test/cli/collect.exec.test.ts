/**
 * What destroy frees of the store. @limit 300 s
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  globSync,
  lstatSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { makeTree, program } from './program.ts'

const test = suite('vserver destroy, of guests that share files', {
  needs: ['root', 'executor', 'flock'],
  timeoutMs: 60_000,
})
const it = program()
test.after(() => it.dispose())
test.after.each(() => {
  it.run('destroy', '--all', '--yes')
  rmSync(lib('store'), { recursive: true, force: true })
  for (const file of globSync(`${lib()}/index.sqlite*`)) rmSync(file)
})
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const tree = makeTree(join(it.scratch, 'tree'))
const objects = () => globSync(`${lib('store')}/??/*`)
const mark = lib('store/.garbage')

function vserver(...words: readonly string[]): void {
  const ran = it.run(...words)
  assert.is(ran.code, 0, ran.stderr)
}

/** Guests that have written the same file, which is one after `unify`. */
function makeSharing(names: readonly string[]): void {
  for (const name of names) {
    vserver('create', name, '--from', `dir:${tree}`)
    const file = lib('guests', name, 'upper/big')
    writeFileSync(file, 'b'.repeat(100_000))
    utimesSync(file, 1_700_000_000, 1_700_000_000)
  }
  vserver('unify')
  assert.is(objects().length, 1)
  assert.is(lstatSync(objects()[0] ?? '').nlink, 1 + names.length)
}

/** Objects that the index knows, and names of trees that are gone. */
function known(): readonly [number, readonly string[]] {
  const index = new DatabaseSync(lib('index.sqlite'), { readOnly: true })
  try {
    const rows = index.prepare('SELECT ino FROM file WHERE object IS NOT NULL').all()
    const trees = index.prepare('SELECT id FROM tree').all().map(({ id }) => String(id))
    return [rows.length, trees.filter((id) => !existsSync(lib(id)))]
  } finally {
    index.close()
  }
}

test('frees what only the destroyed guests shared, and the index forgets it', () => {
  makeSharing(['a', 'b', 'c'])
  // So that the layers are on record, too.
  vserver('unify')
  vserver('destroy', '--yes', 'a', 'b')
  assert.is(objects().length, 1, 'c still has it')
  assert.equal(known(), [1, []])
  vserver('destroy', '--yes', 'c')
  assert.equal(objects(), [])
  assert.equal(known(), [0, []])
  assert.equal(readdirSync(lib('layers')), [])
  assert.not.ok(existsSync(mark))
})

test('makes neither a store nor an index', () => {
  vserver('create', 'a', '--from', `dir:${tree}`)
  writeFileSync(lib('guests/a/upper/file'), 'x')
  vserver('clone', 'a', 'b')
  vserver('destroy', '--yes', 'a', 'b')
  assert.equal(readdirSync(lib('layers')), [])
  assert.not.ok(existsSync(lib('store')))
  assert.not.ok(existsSync(lib('index.sqlite')))
})

test('leaves it to the next run while a unification is under way', async ({ cleanup }) => {
  makeSharing(['a', 'b'])
  const lock = join(it.root, 'run/vserver/unify.lock')
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const ended = once(holder, 'close')
  const end = () => {
    if (holder.pid !== undefined && holder.exitCode === null && holder.signalCode === null) {
      process.kill(-holder.pid, 'SIGKILL')
    }
    return ended
  }
  cleanup(end)
  await once(holder.stdout, 'data')
  vserver('destroy', '--yes', 'a', 'b')
  assert.is(objects().length, 1)
  assert.ok(existsSync(mark))
  await end()
  vserver('unify')
  assert.equal(objects(), [])
  assert.equal(known(), [0, []])
  assert.not.ok(existsSync(mark))
})

test('works with an index that is locked', () => {
  makeSharing(['a', 'b'])
  const index = new DatabaseSync(lib('index.sqlite'))
  index.exec('BEGIN IMMEDIATE')
  vserver('destroy', '--yes', 'a', 'b')
  index.exec('ROLLBACK')
  index.close()
  assert.equal(objects(), [])
  assert.is(known()[0], 1)
  assert.ok(existsSync(mark))
  vserver('unify')
  assert.equal(known(), [0, []])
})

test('works with an index that is damaged', () => {
  makeSharing(['a', 'b'])
  for (const tail of ['-wal', '-shm']) rmSync(lib(`index.sqlite${tail}`), { force: true })
  writeFileSync(lib('index.sqlite'), 'no index '.repeat(1000))
  const ran = it.run('destroy', '--yes', 'a', 'b')
  assert.is(ran.code, 0, ran.stderr)
  assert.match(ran.stderr, /the index was damaged, and is made anew/)
  assert.equal(objects(), [])
})

test('goes on where one that was killed left off', () => {
  makeSharing(['a', 'b'])
  // As when a destroy dies before it removes the layers, and as when a collection dies.
  for (const name of ['.garbage', '.garbage-taken']) {
    writeFileSync(lib('store', name), '')
    writeFileSync(lib('store/00/garbage'), 'g')
    vserver('create', 'c', '--from', `dir:${tree}`)
    vserver('destroy', '--yes', 'c')
    assert.is(objects().length, 1)
    assert.equal(readdirSync(lib('store')).filter((one) => one.startsWith('.')), [])
  }
})

test.run()
