import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { executorPath } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const test = suite('dist/executor', { needs: ['executor'] })

const MARKER = 'VSERVER-BUILD-ID'
const program = { LOAD: 1, DYNAMIC: 2, INTERP: 3, STACK: 0x6474e551, EXECUTABLE: 1 } as const

/** The program headers of a 64-bit little-endian ELF file. */
function programHeaders(file: Buffer) {
  const at = Number(file.readBigUInt64LE(32))
  return Array.from({ length: file.readUInt16LE(56) }, (_, i) => ({
    type: file.readUInt32LE(at + 56 * i),
    flags: file.readUInt32LE(at + 56 * i + 4),
  }))
}

/** The sections of such a file that are loaded and not written to, in order. */
function constantSections(file: Buffer) {
  const at = Number(file.readBigUInt64LE(40))
  const header = (i: number) => {
    const start = at + 64 * i
    return {
      name: file.readUInt32LE(start),
      // SHF_WRITE and SHF_ALLOC
      flags: file.readUInt32LE(start + 8) & 3,
      offset: Number(file.readBigUInt64LE(start + 24)),
      size: Number(file.readBigUInt64LE(start + 32)),
    }
  }
  const names = header(file.readUInt16LE(62)).offset
  return Array.from({ length: file.readUInt16LE(60) }, (_, i) => header(i))
    .filter(({ flags }) => flags === 2)
    .map(({ name, offset, size }) => {
      const start = names + name
      return { name: file.toString('latin1', start, file.indexOf(0, start)), end: offset + size }
    })
}

test('is static, loads where it was linked, and has no executable stack', () => {
  const file = readFileSync(executorPath)
  const headers = programHeaders(file)
  const types = headers.map(({ type }) => type)
  assert.is(file.readUInt16LE(16), 2, 'ET_EXEC')
  assert.not(types.includes(program.INTERP))
  assert.not(types.includes(program.DYNAMIC))
  const stack = headers.find(({ type }) => type === program.STACK)
  assert.ok(stack)
  assert.is((stack?.flags ?? 1) & program.EXECUTABLE, 0)
})

test('holds the place of its build id once', () => {
  const file = readFileSync(executorPath)
  const at = file.indexOf(MARKER)
  assert.ok(at > 0)
  assert.is(file.indexOf(MARKER, at + 1), -1)
  const { stdout } = spawnSync(executorPath, ['@build'], { encoding: 'latin1' })
  assert.is(stdout, `${file.toString('hex', at + 16, at + 48)}\n`)
})

test('has all that a start or an exec runs in the 64 KiB that one page fault maps', () => {
  const sections = constantSections(readFileSync(executorPath))
  const names = ['.text', '.rodata', '.build', '.late', '.rodata1']
  assert.equal(sections.map(({ name }) => name), names)
  for (const { name, end } of sections.slice(0, 3)) {
    assert.ok(end <= 64 << 10, `${name} ends at ${end}: see VS_LATE and VS_COLD`)
  }
})

test('is small in the file and in memory', async ({ cleanup }) => {
  assert.ok(statSync(executorPath).size < 128 << 10)
  const child = spawn(executorPath, ['@batch'], { stdio: ['pipe', 'ignore', 'inherit'] })
  cleanup(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const read = (name: string) => readFileSync(`/proc/${child.pid}/${name}`, 'utf8')
  // until it waits for its first plan
  while (!/^State:\s+S/m.test(read('status'))) await setTimeout(5)
  const kib = Number(/^Pss:\s+(\d+)/m.exec(read('smaps_rollup'))?.[1])
  assert.ok(kib <= 128, `${kib} KiB`)
})

test.run()
