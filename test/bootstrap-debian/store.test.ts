import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../plugins/bootstrap-debian/store.ts'
import { suite, type TestContext } from '../support/suite.ts'

const test = suite('the store of what was fetched')

function open({ cleanup }: TestContext) {
  const path = mkdtempSync(join(tmpdir(), 'vserver-store-'))
  cleanup(() => rmSync(path, { recursive: true, force: true }))
  return { path, store: openStore(path) }
}

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')

test('keeps what has the right digest, and nothing else', async (context) => {
  const { path, store } = open(context)
  const digest = digestOf('hello')
  const good = await store.resume(digest)
  good.append(Buffer.from('hel'))
  good.append(Buffer.from('lo'))
  assert.ok(good.commit())
  assert.is(readFileSync(store.path(digest), 'utf8'), 'hello')
  assert.ok(await store.has({ digest, size: 5 }))
  const bad = await store.resume(digestOf('other'))
  bad.append(Buffer.from('wrong'))
  assert.not(bad.commit())
  assert.equal(readdirSync(join(path, 'partial')), [])
})

test('goes on with what was left, or what a dead process was writing', async (context) => {
  const { path, store } = open(context)
  const digest = digestOf('hello')
  const first = await store.resume(digest)
  first.append(Buffer.from('he'))
  first.leave()
  const second = await store.resume(digest)
  assert.is(second.length, 2)
  second.leave()
  // No process has a number like this.
  const partial = join(path, 'partial')
  rmSync(join(partial, digest))
  writeFileSync(join(partial, `${digest}.999999999`), 'hell')
  const third = await store.resume(digest)
  assert.is(third.length, 4)
  third.append(Buffer.from('o'))
  assert.ok(third.commit())
})

test('removes an object that went bad', async (context) => {
  const { store } = open(context)
  const digest = digestOf('hello')
  writeFileSync(store.path(digest), 'hellO')
  assert.not(await store.has({ digest, size: 5 }))
  assert.not(existsSync(store.path(digest)))
})

test('is bounded: what was not used for longest goes first, and what is needed stays', (context) => {
  const { path, store } = open(context)
  const names = ['a', 'b', 'c', 'd'].map((one) => one.repeat(64))
  for (const [index, name] of names.entries()) {
    writeFileSync(store.path(name), '')
    truncateSync(store.path(name), 400 << 20)
    utimesSync(store.path(name), 1000 + index, 1000 + index)
  }
  store.trim(new Set([names[0] ?? '']))
  assert.equal(readdirSync(join(path, 'objects')).toSorted(), [names[0], names[3]])
})

test.run()
