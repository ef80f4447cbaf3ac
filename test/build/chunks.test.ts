/**
 * Compression by chunks, and its cache.
 *
 * @module
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { compressor } from '../../build/chunks.ts'
import { suite } from '../support/suite.ts'

const test = suite('compressor()')

/** 17 MiB that compress well, and differ from chunk to chunk. */
function sample(): Buffer {
  const content = Buffer.alloc(17 << 20)
  for (let at = 0; at < content.length; at += 1 << 20) content.writeUInt32LE(at, at)
  return content
}

test('gives one stream that unpacks to the content', async ({ cleanup }) => {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-chunks-'))
  cleanup(() => rmSync(directory, { recursive: true }))
  const content = sample()
  const packed = await compressor(directory, 1).compress(content)
  assert.ok(zstdDecompressSync(packed).equals(content))
  assert.is(readdirSync(directory).length, 3)
})

test('compresses only what changed, and forgets what is no longer used', async ({ cleanup }) => {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-chunks-'))
  cleanup(() => rmSync(directory, { recursive: true }))
  const content = sample()
  await compressor(directory, 1).compress(content)
  const before = readdirSync(directory)
  const inodes = before.map((name) => statSync(join(directory, name)).ino)
  content[16 << 20] = 1
  const second = compressor(directory, 1)
  await second.compress(content)
  assert.is(readdirSync(directory).length, 4)
  await second.prune()
  const after = readdirSync(directory)
  assert.is(after.length, 3)
  const kept = after.map((name) => statSync(join(directory, name)).ino)
  assert.is(kept.filter((inode) => inodes.includes(inode)).length, 2)
})

test.run()
