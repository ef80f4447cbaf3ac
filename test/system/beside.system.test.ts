/**
 * Two unifications without end, beside guests that start, write what others write too, stop, are cloned,
 * are kept as snapshots and are destroyed: each command does what it says, and every guest finds what it left.
 *
 * `VSERVER_TEST_ROUNDS` makes it longer.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { assertView, stackOf, type View, viewOf } from '../unify/view.ts'
import { makeTree, product } from './product.ts'

const test = suite('unify beside other commands', {
  needs: ['root', 'vserver', 'test-tools', 'busybox', 'getfattr'],
  timeoutMs: 240_000,
})
const it = product()
const lib = join(it.root, 'var/lib/vserver')
const rounds = Number(process.env['VSERVER_TEST_ROUNDS'] ?? '5')
/** An id of a machine is made when it starts first. */
const skip = ['etc']

test.before(() => {
  for (const name of ['x', 'y']) {
    const tree = makeTree(join(it.scratch, name), { 'sbin/init': 'init', 'behold': 'behold' })
    mkdirSync(join(tree, 'bin'))
    mkdirSync(join(tree, 'data'))
    copyFileSync('/bin/busybox', join(tree, 'bin/busybox'))
    chmodSync(join(tree, 'bin/busybox'), 0o755)
    for (const command of ['sh', 'mkdir', 'touch']) {
      symlinkSync('busybox', join(tree, 'bin', command))
    }
  }
})
test.after(() => it.dispose())

/** Runs a command, again while another one has the lock, or has just changed what a start was compiled from. */
async function must(...words: readonly string[]): Promise<string> {
  for (let tries = 0;; tries++) {
    const [file = '', ...args] = it.argv(...words)
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, said] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const [code] = await once(child, 'close')
    if (code === 0) return out
    const again = code === 5 || /kept plan is not valid\n {2}try again/.test(said)
    if (!again || tries > 20) throw new Error(`${words.join(' ')}: ${code}: ${said}${out}`)
    await setTimeout(50)
  }
}
const inside = (name: string, script: string) => must('exec', name, '--', '/bin/sh', '-euc', script)
const seen = async (name: string): Promise<View> =>
  (await must('exec', name, '--', '/behold', '/data')).split('\n')

/** Writes what all others write in the same round, and something of its own. */
const write = (name: string, round: number) => `
  mkdir /data/r${round}; cd /data/r${round}
  for f in 1 2 3 4 5 6; do echo round ${round} $f > f$f; done; touch -d @${1000 + round} f*
  echo ${name} > own
  [ ! -e ../r${round - 1} ] || echo ${name} >> ../r${round - 1}/f1
  touch -d @5000 .
`

const lost: (readonly [string, View])[] = []

/** Starts and stops again and again. */
async function lives(name: string): Promise<void> {
  let left: View | undefined
  for (let round = 0; round < rounds; round++) {
    await must('start', name)
    if (left !== undefined) assertView(await seen(name), left, `${name}, round ${round}`)
    await inside(name, write(name, round))
    left = await seen(name)
    await must('stop', name)
  }
  lost.push([name, left ?? []])
}

/** Copies come and go; each is what it was made from. */
async function isCloned(name: string): Promise<void> {
  const before = viewOf(lib, name, skip)
  for (let round = 0; round < rounds; round++) {
    const copy = `${name}-${round}`
    await must('clone', name, copy)
    await must('start', copy)
    await inside(copy, write(copy, round + 100))
    await must('stop', copy)
    await must('snapshots', name, '--create', `s${round}`)
    if (round % 2 === 0) await must('destroy', '--yes', copy)
    else await must('snapshots', name, '--delete', `s${round}`)
  }
  assertView(viewOf(lib, name, skip), before, name)
}

test('does no harm to them, nor they to it', async ({ cleanup }) => {
  cleanup(() => it.clear())
  for (const [name, tree] of [['a', 'x'], ['b', 'x'], ['c', 'y'], ['source', 'y']]) {
    it.must('create', name ?? '', '--from', `dir:${join(it.scratch, tree ?? '')}`)
  }
  it.must('start', 'source')
  await inside('source', write('source', 0))
  it.must('stop', 'source')
  let busy = true
  let [linked, runs] = [0, 0]
  const unifies = async () => {
    while (busy) {
      const result = JSON.parse(await must('unify', '--json'))
      assert.equal(result.failures, [])
      linked += result.linked
      runs++
    }
  }
  const work = Promise.all([...['a', 'b', 'c'].map(lives), isCloned('source')])
  const unifying = [unifies(), unifies()]
  await work.finally(() => (busy = false))
  await Promise.all(unifying)
  assert.ok(runs > 2 && linked > 6, `${runs} runs have linked ${linked} names`)
  assert.ok(['a', 'b', 'c'].some((name) => stackOf(lib, name).layers.length > 0))
  assert.equal(JSON.parse(it.must('unify', '--json')).failures, [])
  assert.is(JSON.parse(it.must('unify', '--json')).linked, 0)
  for (const [name, left] of lost) {
    it.must('start', name)
    assertView(await seen(name), left, `${name}, in the end`)
  }
  assert.is(lost.length, 3)
  it.must('unify', '--verify')
})

test.run()
