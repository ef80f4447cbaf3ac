/**
 * Unification that nobody asks for: after each guest that ends, where vserver.yaml says so.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { isCode } from '../../core/guest/files.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { product, tinyTree } from './product.ts'

const test = suite('unify after a guest has ended', {
  needs: ['root', 'vserver', 'test-tools', 'busybox', 'flock'],
  timeoutMs: 120_000,
})

const FILE = 'srv/written'

interface Lab {
  readonly it: ReturnType<typeof product>
  /** A running guest that writes what all others write. */
  start(name: string): void
  configure(text: string): void
  /** Where what it wrote is by now. */
  written(name: string): string
  log(): string
  /** Lines of the log that one run writes at its beginning. */
  begun(): number
}

function openLab({ cleanup }: TestContext): Lab {
  const it = product()
  cleanup(() => it.dispose())
  const tree = tinyTree(join(it.scratch, 'tree'))
  for (const directory of ['bin', 'srv']) mkdirSync(join(tree, directory))
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'))
  chmodSync(join(tree, 'bin/busybox'), 0o755)
  const lib = join(it.root, 'var/lib/vserver')
  const log = () => {
    const path = join(lib, 'unify.log')
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  const config = join(it.root, 'etc/vserver/vserver.yaml')
  // No run may outlive what it looks at, nor be started by the end of what is left.
  cleanup(async () => {
    rmSync(config, { force: true })
    await until('the end of every unify', () => runs(it.root) === 0)
  })
  return {
    it,
    log,
    begun: () => log().split('\n').filter((line) => line.endsWith(': a guest has ended')).length,
    configure(text) {
      mkdirSync(dirname(config), { recursive: true })
      writeFileSync(config, text)
    },
    start(name) {
      it.must('create', name, '--from', `dir:${tree}`)
      it.must('start', name)
      const script = `echo same > /${FILE}; /bin/busybox touch -d @2000 /${FILE} /srv`
      it.must('exec', name, '--', '/bin/busybox', 'sh', '-euc', script)
    },
    written(name) {
      const { layers } = JSON.parse(readFileSync(it.guest(name, 'meta.json'), 'utf8'))
      const [layer] = layers
      return layer === undefined ? it.guest(name, 'upper', FILE) : join(lib, 'layers', layer, FILE)
    },
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 1000) throw new Error(`${what} does not come`)
    await setTimeout(100)
  }
}

/** How many processes unify below a root, their executors included: these end last. */
function runs(root: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    const path = `/proc/${pid}/cmdline`
    try {
      const words = readFileSync(path, 'utf8').split('\0')
      return (words.includes(root) && words.includes('unify')) ||
        (words[0]?.startsWith(root) === true && words[1] === '@batch')
    } catch (error) {
      if (isCode(error, 'ENOENT', 'ESRCH')) return false
      throw error
    }
  }).length
}

const inode = (path: string) => statSync(path).ino

test('what guests wrote is shared once they have stopped, and what others write stays', async (context) => {
  const { it, start, configure, written, log } = openLab(context)
  configure('unify: { auto: stop }\n')
  for (const name of ['a', 'b', 'runs']) start(name)
  it.must('stop', 'a', 'b')
  await until('the end of the run', () => /^looked at/m.test(log()) && runs(it.root) === 0)
  assert.is(inode(written('a')), inode(written('b')))
  assert.match(log(), /^vserver: \S+Z: a guest has ended\n/)
  assert.match(log(), /\nlooked at [\d,]+ files in [\d,]+ new or writable trees: saved /)
  assert.is(statSync(it.guest('runs', 'upper', FILE)).nlink, 1)
  assert.is(statSync(join(it.root, 'var/lib/vserver/unify.log')).mode & 0o777, 0o600)
})

test('a guest that ends by itself counts as well, and all that end meanwhile are one run', async (context) => {
  const { it, start, configure, written, begun } = openLab(context)
  configure('unify:\n  auto: stop\n')
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) start(name)
  const lock = join(it.root, 'run/vserver/unify.lock')
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; read line'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  context.cleanup(() => holder.kill())
  await once(holder.stdout, 'data')
  const [first = '', ...others] = names
  it.run(['exec', first, '--', '/bin/busybox', 'poweroff', '-f'])
  await until('the run after the first', () => begun() === 1)
  it.must('stop', '--all')
  const status = JSON.parse(it.must('status', '--all', '--json'))
  assert.equal(
    status.map((one: { lastExit: { reason: string } }) => one.lastExit.reason),
    ['poweroff', ...others.map(() => 'stopped')],
  )
  const byHand = it.run(['unify', '--auto'])
  assert.is(byHand.code, 0)
  assert.match(byHand.stderr, /another unify --auto waits for its turn already/)
  assert.is(begun(), 1)
  assert.is(runs(it.root), 2)
  holder.stdin.end('\n')
  await until('the end of the run', () => runs(it.root) === 0)
  assert.equal(new Set(names.map((name) => inode(written(name)))).size, 1)
  assert.is(begun(), 1)
})

test('nothing is started where nothing says so, and what is wrong is in the log', async (context) => {
  const { it, start, configure, log } = openLab(context)
  const path = join(it.root, 'run/vserver/unify-next.lock')
  start('a')
  it.must('stop', 'a')
  configure('unify: { exclude: [] }\n')
  it.must('start', 'a')
  it.must('stop', 'a')
  assert.is(runs(it.root), 0)
  assert.not(existsSync(path))
  assert.is(log(), '')
  configure('unify: { auto: sometimes }\n')
  it.must('start', 'a')
  it.must('stop', 'a')
  await until('the error', () => log() !== '')
  await until('the end', () => runs(it.root) === 0)
  assert.match(log(), /vserver\.yaml.*unify\.auto.*expected stop or never/s)
  assert.ok(existsSync(path))
})

test.run()
