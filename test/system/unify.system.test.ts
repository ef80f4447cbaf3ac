/**
 * Unification beside guests that run: what they read stays, what they write is theirs, and commands that come
 * at the same time.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { product, tinyTree } from './product.ts'

const test = suite('unify beside guests that run', {
  needs: ['root', 'vserver', 'test-tools', 'busybox'],
  timeoutMs: 120_000,
})
const it = product()
const FILES = 40
const busybox = '/bin/busybox'

/** Trees with the same files, so that their templates have much in common. */
function makeTrees(...names: readonly string[]): void {
  for (const name of names) {
    const tree = tinyTree(join(it.scratch, name))
    mkdirSync(join(tree, 'bin'))
    copyFileSync(busybox, join(tree, 'bin/busybox'))
    chmodSync(join(tree, 'bin/busybox'), 0o755)
    mkdirSync(join(tree, 'data/sub'), { recursive: true })
    for (let i = 0; i < FILES; i++) {
      writeFileSync(join(tree, 'data/sub', `f${i}`), `content of f${i}\n`)
    }
    writeFileSync(join(tree, 'data/own'), name)
    for (const path of ['data', 'bin']) touchAll(join(tree, path))
  }
}

function touchAll(path: string): void {
  const { status } = spawnSync('find', [path, '-exec', 'touch', '-hd', '@1000', '{}', '+'])
  assert.is(status, 0)
}

test.before(() => makeTrees('x', 'y'))
test.after(() => it.dispose())

const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const create = (name: string, tree: string) =>
  it.must('create', name, '--from', `dir:${join(it.scratch, tree)}`)
const inside = (name: string, script: string) =>
  it.must('exec', name, '--', '/bin/busybox', 'sh', '-euc', script)

interface Unified {
  readonly linked: number
  readonly failures: readonly unknown[]
}
const unify = (...words: readonly string[]): Unified =>
  JSON.parse(it.must('unify', '--json', ...words))
const layersOf = (name: string): readonly string[] =>
  JSON.parse(readFileSync(it.guest(name, 'meta.json'), 'utf8')).layers

/** Looks at shared directories again and again; says what it has not expected. */
const watch = `
  cd /data/sub
  n=0
  until [ -e /tmp/enough ]; do
    set -- *
    [ $# = ${FILES} ] || echo "names: $*"
    for f in *; do
      case $f in f*) ;; *) echo "a stranger: $f" ;; esac
      [ "$(/bin/busybox cat $f)" = "content of $f" ] || echo "wrong: $f"
      [ "$(/bin/busybox stat -c '%Y %a %u' $f)" = '1000 644 0' ] || echo "another: $f"
    done
    n=$((n + 1))
  done
  echo "rounds $n"
`

test('a guest that lists and reads all the time sees nothing of it', async ({ cleanup }) => {
  cleanup(() => it.clear())
  create('w', 'x')
  create('v', 'y')
  it.must('start', 'w')
  const [file = '', ...args] = it.argv('exec', 'w', '--', '/bin/busybox', 'sh', '-uc', watch)
  const watcher = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [watcher.stdout, watcher.stderr]) {
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  }
  const ended = once(watcher, 'close')
  await setTimeout(300)
  assert.ok(unify().linked >= FILES)
  for (const name of ['m1', 'm2']) {
    makeTrees(name)
    create(`g${name}`, name)
    assert.ok(unify().linked >= FILES)
  }
  await setTimeout(300)
  inside('w', 'echo > /tmp/enough')
  await ended
  assert.match(said, /^rounds \d+\n$/)
  const id = (tree: string) => {
    const { template }: { template: string } = JSON.parse(
      readFileSync(it.guest(tree, 'meta.json'), 'utf8'),
    )
    return statSync(lib('templates', template, 'data/sub/f1')).ino
  }
  assert.is(id('w'), id('gm2'))
})

test('what guests write to shared files is theirs, whatever way they do it', ({ cleanup }) => {
  cleanup(() => it.clear())
  create('a', 'x')
  create('b', 'y')
  const fill = `
    cd /data; /bin/busybox rm -r sub; /bin/busybox mkdir sub new
    for i in 1 2 3 4 5 6; do echo same $i > sub/n$i; echo same $i > new/m$i; done
    /bin/busybox ln sub/n1 new/link; /bin/busybox mv new newer
    /bin/busybox touch -d @2000 sub/* newer/*
  `
  for (const name of ['a', 'b']) {
    it.must('start', name)
    inside(name, fill)
    // It runs: nothing is taken out of its layer.
    unify()
    assert.equal(layersOf(name), [])
    assert.is(statSync(it.guest(name, 'upper/data/sub/n2')).nlink, 1)
    it.must('stop', name)
  }
  const { linked } = unify()
  assert.ok(linked > 0)
  assert.is(layersOf('a').length, 1)
  const moved = (name: string) => lib('layers', layersOf(name)[0] ?? '', 'data/sub/n2')
  assert.is(statSync(moved('a')).ino, statSync(moved('b')).ino)
  it.must('start', 'a', 'b')
  const look = 'cd /data; for f in sub/* newer/*; do echo $f; /bin/busybox cat $f; done'
  const before = inside('b', look)
  assert.is(inside('a', look), before)
  inside(
    'a',
    `
      cd /data; echo more >> sub/n2; echo less > sub/n3; /bin/busybox truncate -s 0 sub/n4
      /bin/busybox chmod 4755 sub/n5; /bin/busybox chown 5 sub/n6; /bin/busybox touch sub/n1
      /bin/busybox dd if=/dev/zero of=newer/m1 bs=1 count=3 conv=notrunc 2>/dev/null
      /bin/busybox mv newer/m2 newer/m3; /bin/busybox ln -f newer/m4 newer/m5
      echo linked >> newer/m4; /bin/busybox rm newer/m6; /bin/busybox ln -s /etc/passwd newer/m6
    `,
  )
  assert.is(inside('b', look), before)
  assert.is(
    inside('b', '/bin/busybox stat -c "%a %u %Y" /data/sub/n5 /data/sub/n6 /data/sub/n1'),
    '644 0 2000\n'.repeat(3),
  )
  it.must('restart', 'b')
  assert.is(inside('b', look), before)
  it.must('stop', 'a', 'b')
  unify()
  it.must('start', 'b')
  assert.is(inside('b', look), before)
})

test('a guest starts at once after a unify that died while it moved files', async ({ cleanup }) => {
  cleanup(() => it.clear())
  create('a', 'x')
  create('b', 'y')
  for (const name of ['a', 'b']) {
    it.must('start', name)
    inside(
      name,
      'cd /data; for i in 1 2 3; do echo s$i > s$i; done; /bin/busybox touch -d @2000 s* .',
    )
    it.must('stop', name)
  }
  for (let ms = 60; ms < 400; ms += 40) {
    const [file = '', ...args] = it.argv('unify', '--quiet')
    const child = spawn(file, args, { stdio: 'ignore' })
    await setTimeout(ms)
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    it.must('start', 'a')
    assert.is(
      inside('a', 'cd /data; /bin/busybox cat s1 s2 s3; /bin/busybox stat -c %Y . s1'),
      's1\ns2\ns3\n2000\n2000\n',
    )
    it.must('stop', 'a')
  }
  assert.equal(unify().failures, [])
  assert.is(unify().linked, 0)
})

test('commands for other guests, and a second unify, go on beside it', async ({ cleanup }) => {
  cleanup(() => it.clear())
  for (const name of ['a', 'b']) create(name, 'x')
  create('c', 'y')
  const run = async (...words: readonly string[]) => {
    const [file = '', ...args] = it.argv(...words)
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const [code] = await once(child, 'close')
    // A lock that another one has for too long is no failure of either.
    if (code !== 0 && !/is locked|in use by another/.test(said)) {
      throw new Error(`${words.join(' ')}: ${code}: ${said}`)
    }
  }
  const tree = `dir:${join(it.scratch, 'y')}`
  const lives = async () => {
    for (let i = 0; i < 3; i++) {
      await run('create', `n${i}`, '--from', tree)
      await run('start', `n${i}`)
      await run('stop', `n${i}`)
      await run('clone', `n${i}`, `k${i}`)
      await run('destroy', '--yes', `n${i}`)
    }
  }
  const starts = async () => {
    for (let i = 0; i < 4; i++) {
      await run('start', 'a', 'c')
      await run(
        'exec',
        'a',
        '--',
        '/bin/busybox',
        'sh',
        '-c',
        `echo ${i} > /data/w; cp /data/w /data/w${i}`,
      )
      await run('stop', 'a', 'c')
    }
  }
  const unifies = async () => {
    for (let i = 0; i < 6; i++) await run('unify', '--quiet')
  }
  await Promise.all([lives(), starts(), unifies(), unifies()])
  assert.equal(unify().failures, [])
  assert.is(unify().linked, 0)
  it.must('start', 'a', 'k2')
  assert.is(inside('a', '/bin/busybox cat /data/w /data/own'), '3\nx')
  assert.is(inside('k2', '/bin/busybox cat /data/sub/f7 /data/own'), 'content of f7\ny')
})

test.run()
