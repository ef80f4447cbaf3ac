/**
 * Guests that do their worst while their files are unified: what each wrote is there, and nobody else sees
 * anything of it, nor of the unification. @limit 400 s
 *
 * `VSERVER_TEST_SEED` gives other deeds; `VSERVER_TEST_ROUNDS` more of them.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { assertView, stackOf, type View, viewOf } from '../unify/view.ts'
import { makeTree, product } from './product.ts'

const test = suite('unify of guests that attack', {
  needs: ['root', 'vserver', 'test-tools', 'busybox', 'setfattr', 'setcap', 'getfattr'],
  timeoutMs: 200_000,
})
const it = product()
const lib = join(it.root, 'var/lib/vserver')
const seed = Number(process.env['VSERVER_TEST_SEED'] ?? '1')
const rounds = Number(process.env['VSERVER_TEST_ROUNDS'] ?? '3')
const PARTS = 8
const FILES = 12
const parts = Array.from({ length: PARTS }, (_, i) => `/data/s${i}`)

/** Some of everything that must stay as it is, in equal parts. */
const fill = `
  for d in data/s*; do
    for f in $(seq ${FILES}); do head -c $((f * f * 90)) /dev/zero | tr '\\0' $((f % 10)) > $d/f$f; done
    cp $d/f12 $d/setuid; chmod 4755 $d/setuid; cp $d/f11 $d/capable; setcap cap_net_raw+ep $d/capable
    cp $d/f10 $d/owned; chown 3:4 $d/owned; cp $d/f9 $d/marked; setfattr -n user.x -v y $d/marked
    yes $d | head -c 600000 > $d/large
    ln $d/f1 $d/linked; ln -s f2 $d/symlink; : > $d/empty
    touch -h -d '@1000.123456789' $d/*; touch -d '@2000.000000001' $d
  done
`

test.before(() => {
  for (const name of ['x', 'y']) {
    const tree = makeTree(join(it.scratch, name), {
      'sbin/init': 'init',
      'behold': 'behold',
      'handover': 'handover',
      'vandal': 'vandal',
    })
    mkdirSync(join(tree, 'bin'))
    copyFileSync('/bin/busybox', join(tree, 'bin/busybox'))
    chmodSync(join(tree, 'bin/busybox'), 0o755)
    for (const command of ['sh', 'touch', 'rm']) symlinkSync('busybox', join(tree, 'bin', command))
    writeFileSync(join(tree, 'only'), name)
    for (const part of parts) mkdirSync(join(tree, part), { recursive: true })
    const ran = spawnSync('bash', ['-euc', fill], { cwd: tree, encoding: 'utf8' })
    assert.is(ran.status, 0, ran.stderr)
  }
})
test.after(() => it.dispose())

const create = (name: string, tree: string, ...words: readonly string[]) =>
  it.must('create', name, '--from', `dir:${join(it.scratch, tree)}`, ...words)
const inside = (name: string, script: string) =>
  it.must('exec', name, '--', '/bin/sh', '-euc', script)
const seen = (name: string): View => inside(name, 'exec /behold /data').split('\n')

/** Runs a program in a guest; its promise tells what it said when it has ended. */
function begin(name: string, script: string) {
  const [file = '', ...args] = it.argv('exec', name, '--', '/bin/sh', '-euc', script)
  const child: ChildProcess = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  }
  return { said: () => said, ended: once(child, 'close').then(() => said) }
}

interface Unified {
  readonly linked: number
  readonly failures: readonly unknown[]
}
const unify = (): Unified => JSON.parse(it.must('unify', '--json'))

/** Only these parts are looked at. Each time that there are more, templates in use change. */
function lookAt(count: number): void {
  mkdirSync(join(it.root, 'etc/vserver'), { recursive: true, mode: 0o700 })
  const exclude = JSON.stringify(['/etc', ...parts.slice(count)])
  writeFileSync(join(it.root, 'etc/vserver/vserver.yaml'), `unify: {exclude: ${exclude}}\n`)
}

test('what they wrote is theirs, and others see nothing of it', async ({ cleanup }) => {
  cleanup(() => it.clear())
  for (const [name, tree] of [['a', 'x'], ['v', 'x'], ['b', 'y'], ['w', 'y'], ['idle', 'x']]) {
    create(name ?? '', tree ?? '')
  }
  it.must('start', 'v', 'w')
  const untouched = viewOf(lib, 'idle')
  const watch = 'exec /behold /data /tmp/enough'
  const watchers = new Map(['v', 'w'].map((name) => [name, begin(name, watch)]))
  let count = 0
  for (let round = 0; round < rounds; round++) {
    it.must('start', 'a', 'b')
    const vandals = ['a', 'b'].map((name, i) =>
      begin(name, `exec /vandal ${seed + 10 * round + i} /tmp/stop /data/s*/f*`)
    )
    for (let more = 0; more < 2; more++) {
      const wanted = Math.min(PARTS, ++count)
      lookAt(wanted)
      const { linked, failures } = unify()
      assert.equal(failures, [])
      if (wanted === count) assert.ok(linked >= FILES, `${linked} names became links`)
    }
    // What both write at last is equal, and taken out of their layers when they have stopped.
    for (const name of ['a', 'b']) inside(name, 'touch /tmp/stop')
    for (const { ended } of vandals) assert.match(await ended, /^did [1-9]\d* deeds\n$/)
    for (const name of ['a', 'b']) {
      inside(
        name,
        `rm /tmp/stop; for d in /data/s*; do for f in 1 2 3; do
          echo ${round} $d $f > $d/new$f; touch -d @5000 $d/new$f; done; done`,
      )
    }
    const before = ['a', 'b'].map(seen)
    it.must('stop', 'a', 'b')
    if (round === 0) {
      // From here on layers that were sealed are in use, while the next rounds share what is in them.
      it.must('clone', 'a', 'ka')
      it.must('clone', 'b', 'kb')
      it.must('start', 'ka')
      watchers.set('ka', begin('ka', watch))
    }
    const stopped = ['a', 'b'].map((name) => viewOf(lib, name))
    for (let again = 0; again < 2; again++) {
      const { linked, failures } = unify()
      assert.equal(failures, [])
      if (again === 1) assert.is(linked, 0)
    }
    assert.ok(stackOf(lib, 'a').layers.length > 0)
    for (const [i, name] of ['a', 'b'].entries()) {
      assertView(viewOf(lib, name), stopped[i] ?? [], `${name} in round ${round}`)
    }
    it.must('start', 'a', 'b')
    for (const [i, name] of ['a', 'b'].entries()) {
      assertView(seen(name), before[i] ?? [], `${name} in round ${round}, started again`)
    }
    it.must('stop', 'a', 'b')
  }
  for (const [name, { ended }] of watchers) {
    inside(name, 'touch /tmp/enough')
    const said = await ended
    assert.match(said, /^looked [1-9]\d* times\n$/, `${name} ${said}`)
  }
  assertView(viewOf(lib, 'idle'), untouched, 'the guest that did nothing')
  const inoOf = (name: string, path: string) => {
    const { template, layers: [layer = ''] } = stackOf(lib, name)
    const places = [join(lib, 'templates', template), join(lib, 'layers', layer)]
    return places.map((place) => statSync(join(place, path), { throwIfNoEntry: false })?.ino)
  }
  assert.is(inoOf('v', 'data/s0/f3')[0], inoOf('w', 'data/s0/f3')[0])
  const [, sealed] = inoOf('ka', 'data/s1/new1')
  assert.type(sealed, 'number')
  assert.is(sealed, inoOf('kb', 'data/s1/new1')[1])
})

test('what another guest has open of a stopped one is taken from nobody', async ({ cleanup }) => {
  cleanup(() => it.clear())
  const shared = join(it.scratch, 'shared')
  mkdirSync(shared)
  chmodSync(shared, 0o777)
  const mount = ['--set', `mounts=[{source: ${shared}, target: /shared}]`]
  for (const name of ['giver', 'taker']) create(name, 'x', ...mount)
  create('other', 'y')
  it.must('start', 'giver', 'taker', 'other')
  for (const name of ['giver', 'other']) {
    inside(
      name,
      'cd /data/s0; echo written > given; echo more > also; touch -d @3000 given also; chmod 666 given',
    )
  }
  const taker = begin('taker', 'exec /handover take /shared/socket /shared/go EVIL')
  const socket = join(shared, 'socket')
  for (let tries = 0; statSync(socket, { throwIfNoEntry: false }) === undefined; tries++) {
    assert.ok(tries < 200, taker.said())
    spawnSync('sleep', ['0.02'])
  }
  inside('giver', 'exec /handover give /shared/socket /data/s0/given')
  it.must('stop', 'giver', 'other')
  const before = viewOf(lib, 'other')
  const unshared = () => {
    assert.equal(unify().failures, [])
    assert.equal(stackOf(lib, 'giver').layers, [])
    for (const name of ['given', 'also']) {
      assert.is(statSync(it.guest('giver', 'upper/data/s0', name)).nlink, 1)
    }
  }
  unshared()
  writeFileSync(join(shared, 'go'), '')
  assert.is(await taker.ended, 'taken\nwritten\n')
  assert.is(readFileSync(it.guest('giver', 'upper/data/s0/given'), 'utf8'), 'EVILEVIL')
  assertView(viewOf(lib, 'other'), before, 'what the other one has')
  // With the descriptor the hindrance is gone.
  assert.equal(unify().failures, [])
  assert.is(stackOf(lib, 'giver').layers.length, 1)
  it.must('start', 'giver', 'other')
  assert.is(inside('giver', 'cd /data/s0; /bin/busybox cat given also'), 'EVILEVILmore\n')
  assert.is(inside('other', 'cd /data/s0; /bin/busybox cat given also'), 'written\nmore\n')
})

test('what a process of the host has open of a stopped guest is not, either', async ({ cleanup }) => {
  cleanup(() => it.clear())
  create('a', 'x')
  create('b', 'y')
  it.must('start', 'a', 'b')
  for (const name of ['a', 'b']) {
    inside(name, 'cd /data/s1; echo written > given; touch -d @3000 given')
  }
  const [{ initPid }] = JSON.parse(it.must('status', '--json', 'a'))
  let before: View
  const file = await open(`/proc/${initPid}/root/data/s1/given`, 'r+')
  try {
    it.must('stop', 'a', 'b')
    before = viewOf(lib, 'b')
    assert.equal(unify().failures, [])
    assert.equal(stackOf(lib, 'a').layers, [])
    await file.write('EVIL', 0)
  } finally {
    await file.close()
  }
  assertView(viewOf(lib, 'b'), before, 'what the other one has')
  assert.equal(unify().failures, [])
  it.must('start', 'a', 'b')
  assert.is(inside('a', '/bin/busybox cat /data/s1/given'), 'EVILten\n')
  assert.is(inside('b', '/bin/busybox cat /data/s1/given'), 'written\n')
})

test.run()
